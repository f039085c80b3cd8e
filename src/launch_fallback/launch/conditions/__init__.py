"""Conditions of actions."""

from __future__ import annotations

from launch.deferred import Text, deferred, module_getattr
from launch.launch_context import LaunchContext

__getattr__ = module_getattr(__name__)


class Condition:
    """Whether an action is executed."""

    def evaluate(self, context: LaunchContext) -> bool:
        """Decide."""
        raise NotImplementedError


def is_true(text: str) -> bool:
    """Read 'true', '1', 'false' or '0', in any case; ValueError for any other text."""
    if text.strip().lower() not in ("true", "1", "false", "0"):
        raise ValueError(f"condition '{text}' must be one of 'true', '1', 'false', '0'")
    return text.strip().lower() in ("true", "1")


condition = deferred(Condition, "evaluate")


@condition
def IfCondition(context: LaunchContext, predicate_expression: Text) -> bool:
    """True if the expression is."""
    return is_true(predicate_expression)


@condition
def UnlessCondition(context: LaunchContext, predicate_expression: Text) -> bool:
    """True if the expression is false."""
    return not is_true(predicate_expression)
