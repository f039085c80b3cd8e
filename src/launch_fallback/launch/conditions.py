"""Conditions of actions."""

from __future__ import annotations

from launch.core import Condition, LaunchContext, Text


def is_true(text: str) -> bool:
    """Read 'true', '1', 'false' or '0', in any case; ValueError for any other text."""
    if (text := text.strip().lower()) not in ("true", "1", "false", "0"):
        raise ValueError(f"condition '{text}' must be one of 'true', '1', 'false', '0'")
    return text in ("true", "1")

class IfCondition(Condition):
    def _do(self, context: LaunchContext, predicate_expression: Text) -> bool:
        return is_true(predicate_expression)

class UnlessCondition(Condition):
    def _do(self, context: LaunchContext, predicate_expression: Text) -> bool:
        return not is_true(predicate_expression)
