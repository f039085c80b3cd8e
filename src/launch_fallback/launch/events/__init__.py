"""Events that launch files can emit or handle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from launch.core import Event


class Shutdown(Event):
    reason, due_to_sigint = "reason not given", False

class IncludeLaunchDescription(Event):
    """The description `launch_description` is to be launched, where `names` are known."""

def matches_action(target_action: Any) -> Callable[[Any], bool]:
    return lambda action: action is target_action
