"""Handlers of what happens to processes and of the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from launch.core import Event, EventHandler
from launch.events import Shutdown
from launch.events.process import ProcessExited, ProcessStarted, ProcessStderr, ProcessStdout


def _is(target: Any, *kinds: type[Event]) -> Callable[[Event], bool]:
    def matches(event: Event) -> bool:
        if target is None or not isinstance(event, kinds):
            return isinstance(event, kinds)
        return bool(target(event.action)) if callable(target) else event.action is target
    return matches

class OnShutdown(EventHandler):
    def __init__(self, *, on_shutdown: Any, **options: Any) -> None:
        super().__init__(matcher=_is(None, Shutdown), entities=on_shutdown, **options)

class OnProcessStart(EventHandler):
    def __init__(self, *, on_start: Any, target_action: Any = None, **options: Any) -> None:
        super().__init__(matcher=_is(target_action, ProcessStarted), entities=on_start, **options)

class OnProcessExit(EventHandler):
    def __init__(self, *, on_exit: Any, target_action: Any = None, **options: Any) -> None:
        super().__init__(matcher=_is(target_action, ProcessExited), entities=on_exit, **options)

class OnProcessIO(EventHandler):
    """When a process wrote something; the functions take the event alone."""

    def __init__(
        self, *, target_action: Any = None, on_stdout: Callable[[Event], Any] = lambda _: None,
        on_stderr: Callable[[Event], Any] = lambda _: None, **options: Any,
    ) -> None:
        super().__init__(
            matcher=_is(target_action, ProcessStdout, ProcessStderr), **options,
            entities=lambda event, _:
                (on_stdout if isinstance(event, ProcessStdout) else on_stderr)(event))
