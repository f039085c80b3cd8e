"""Events that launch files can emit or handle."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from launch.deferred import module_getattr

__getattr__ = module_getattr(__name__)


class Event(SimpleNamespace):
    """Something that happened, or that is asked for; its fields are given by name."""


class Shutdown(Event):
    """The launched system is to end."""

    reason, due_to_sigint = "reason not given", False


class IncludeLaunchDescription(Event):
    """The description `launch_description` is to be launched, where `names` are known."""


def matches_action(target_action: Any) -> Callable[[Any], bool]:
    """Return a matcher for one action."""
    return lambda action: action is target_action
