"""What launches are made of: events, the context, entities, the description."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, TypeAlias

from launch.lacking import Refusing


def show(text: str) -> None:
    """Write a line to the screen; nothing ends because nobody reads it."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    with contextlib.suppress(OSError, ValueError):
        print(text.encode(encoding, "replace").decode(encoding), flush=True)


def log(level: str, name: str, text: str) -> None:
    """Write a message about something that has a name to the screen."""
    show(f"[{level}] [{name}]: {text}")


class Event(SimpleNamespace):
    """Something that happened, or that is asked for; its fields are given by name."""


class Visit(Event):
    """The `entity` is to be visited."""


class Shutdown(Event):
    """All is to end for a `reason`; if `due_to_sigint`, a terminal told the children as well."""


class ProcessStarted(Event):
    """A process has started: `action`, `process_name`, `pid`, `cmd`, `cwd`, `env`."""


class ProcessExited(Event):
    """A process has ended with `returncode`, which is negative if a signal ended it."""


class ProcessStdout(Event):
    """A process wrote `text` (bytes, not whole lines) to its standard output."""


class ProcessStderr(Event):
    """A process wrote `text` (bytes, not whole lines) to its standard error."""


class LaunchContext:
    """The state of a launch; `noninteractive` says that no terminal sends SIGINT to children."""

    event: Event  # the one that is being handled

    def __init__(self, *, argv: Iterable[str] | None = None, noninteractive: bool = False) -> None:
        self.argv, self.noninteractive = list(argv or ()), noninteractive
        self.launch_configurations: dict[str, str] = {}
        self.environment = os.environ
        self.is_shutdown = False
        self.asyncio_loop: asyncio.AbstractEventLoop | None = None
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.handlers: list[Callable[[Event, LaunchContext], SomeEntities]] = []

    def register_event_handler(self, handler: Callable[[Any, Any], Any]) -> None:
        """Let a handler see all events; the latest one comes first, as in the original."""
        self.handlers.insert(0, handler)


class LaunchDescriptionEntity:
    """A part of a launch description."""

    future: asyncio.Future[None] | None = None  # done when nothing goes on any more

    def visit(self, context: LaunchContext) -> SomeEntities:
        """Take effect, and return the entities that are to be visited next."""
        raise NotImplementedError


SomeEntities: TypeAlias = LaunchDescriptionEntity | Iterable[LaunchDescriptionEntity] | None


def as_list(entities: SomeEntities) -> list[LaunchDescriptionEntity]:
    """Make a list of one entity, of several or of none; TypeError for anything else."""
    if entities is None or isinstance(entities, LaunchDescriptionEntity):
        return [] if entities is None else [entities]
    result = list(entities)
    for item in result:
        if not isinstance(item, LaunchDescriptionEntity):
            raise TypeError(f"expected an action or a launch description, got {item!r}")
    return result


class Action(LaunchDescriptionEntity, metaclass=Refusing):
    """Something to do."""


class LaunchDescription(LaunchDescriptionEntity):
    """A list of entities, visited in order."""

    def __init__(self, initial_entities: Iterable[LaunchDescriptionEntity] | None = None) -> None:
        self.entities = as_list(initial_entities)

    def add_action(self, action: LaunchDescriptionEntity) -> None:
        self.entities.append(action)

    def visit(self, context: LaunchContext) -> SomeEntities:
        return self.entities
