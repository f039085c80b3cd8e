"""Handlers of what happens to processes."""

from __future__ import annotations

from typing import Any

from launch.core import (
    Event,
    LaunchContext,
    ProcessExited,
    ProcessStarted,
    ProcessStderr,
    ProcessStdout,
)
from launch.lacking import Refusing


class ProcessHandler(metaclass=Refusing):
    """React to events of some kinds, each with entities or a function, from one process or all."""

    def __init__(self, reactions: dict[type[Event], Any], target_action: Any = None) -> None:
        self._reactions, self._target = reactions, target_action

    def __call__(self, event: Any, context: LaunchContext) -> Any:
        reaction = self._reactions.get(type(event))
        if reaction is None or self._target not in (None, event.action):
            return None
        if not callable(reaction):
            return reaction
        is_output = isinstance(event, (ProcessStdout, ProcessStderr))
        return reaction(event) if is_output else reaction(event, context)


class OnProcessStart(ProcessHandler):
    def __init__(self, *, on_start: Any, **options: Any) -> None:
        super().__init__({ProcessStarted: on_start}, **options)


class OnProcessExit(ProcessHandler):
    def __init__(self, *, on_exit: Any, **options: Any) -> None:
        super().__init__({ProcessExited: on_exit}, **options)


class OnProcessIO(ProcessHandler):
    def __init__(self, *, on_stdout: Any = None, on_stderr: Any = None, **options: Any) -> None:
        super().__init__({ProcessStdout: on_stdout, ProcessStderr: on_stderr}, **options)
