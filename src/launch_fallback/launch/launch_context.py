"""The state of a launch: configurations, environment, events and their handlers."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

from launch.deferred import SomeSubstitutionsType, perform_substitutions


class LaunchContext:
    """The state of a launch; `noninteractive` says that no terminal sends SIGINT to children."""

    def __init__(self, *, argv: Iterable[str] | None = None, noninteractive: bool = False) -> None:
        self.argv, self.noninteractive = list(argv or ()), noninteractive
        self.launch_configurations: dict[str, Any] = {}
        self.environment, self.names = os.environ, dict[str, Any]()
        self.asyncio_loop: asyncio.AbstractEventLoop | None = None
        self.event_handlers, self.queue = deque[Any](), deque[Any]()
        self.news, self.is_shutdown = asyncio.Event(), False

    @property
    def locals(self) -> Any:
        """What is known in the current scope, for example `event` in a handler."""
        return SimpleNamespace(**self.names)

    @contextlib.contextmanager
    def scope(self, **names: Any) -> Iterator[None]:
        """Let names be known within."""
        before, self.names = self.names, self.names | names
        try:
            yield
        finally:
            self.names = before

    def perform_substitution(self, substitution: SomeSubstitutionsType) -> str:
        """Perform a substitution."""
        return perform_substitutions(self, substitution)

    def register_event_handler(self, event_handler: Any, append: bool = False) -> None:
        """Add a handler before the others, or with `append` after them."""
        self.event_handlers.insert(len(self.event_handlers) if append else 0, event_handler)

    def unregister_event_handler(self, event_handler: Any) -> None:
        """Remove a handler; ValueError if it isn't registered."""
        self.event_handlers.remove(event_handler)

    def emit_event_sync(self, event: Any) -> None:
        """Queue an event, from any thread; a future is set when its turn comes."""
        self.queue.append(event)
        if self.asyncio_loop is not None:
            self.asyncio_loop.call_soon_threadsafe(self.news.set)

    async def events_handled(self) -> None:
        """Wait until all that has been emitted so far is handled."""
        turn = asyncio.get_running_loop().create_future()
        self.emit_event_sync(turn)
        await turn
