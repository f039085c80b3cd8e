"""Handlers of what happens to processes and of the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from launch.deferred import module_getattr, say
from launch.events import Event, Shutdown
from launch.events.process import ProcessExited, ProcessStarted, ProcessStderr, ProcessStdout
from launch.launch_context import LaunchContext
from launch.launch_description import LaunchDescriptionEntity, as_list

__getattr__ = module_getattr(__name__)


class EventHandler:
    """Visit entities, or what a function of event and context returns, when an event matches."""

    def __init__(
        self, *, matcher: Callable[[Event], bool], entities: Any = None, handle_once: bool = False
    ) -> None:
        self.matches, self.handle_once = matcher, handle_once
        self.entities = entities if callable(entities) else as_list(entities)

    def handle(self, event: Event, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        """Handle the event, and return what is to be visited."""
        if self.handle_once:
            context.unregister_event_handler(self)
        return as_list(self.entities(event, context) if callable(self.entities) else self.entities)


def _handler(**kinds: type[Event]) -> Callable[..., EventHandler]:
    """Make a handler of reactions, each named as an argument, to kinds of events."""

    def make(*, target_action: Any = None, handle_once: bool = False, **reactions: Any) -> EventHandler:
        for name in {*reactions} - {*kinds}:
            raise TypeError(say(f"event handler with {name}=..."))
        given = {kinds[name]: reaction for name, reaction in reactions.items()}

        def matches(event: Event) -> bool:
            if target_action is None or type(event) not in given:
                return type(event) in given
            is_target = target_action if callable(target_action) else target_action.__eq__
            return bool(is_target(event.action))

        def react(event: Event, context: LaunchContext) -> Any:
            reaction = given[type(event)]
            if len(kinds) > 1:
                return reaction(event)
            return reaction(event, context) if callable(reaction) else reaction

        return EventHandler(matcher=matches, entities=react, handle_once=handle_once)

    return make


OnShutdown = _handler(on_shutdown=Shutdown)
OnProcessStart = _handler(on_start=ProcessStarted)
OnProcessExit = _handler(on_exit=ProcessExited)
OnProcessIO = _handler(on_stdout=ProcessStdout, on_stderr=ProcessStderr)
