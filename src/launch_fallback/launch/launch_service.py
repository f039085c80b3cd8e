"""The loop that visits descriptions, handles events and waits for processes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import traceback
from collections.abc import Iterable
from typing import Any

from launch.core import (
    Event,
    LaunchContext,
    LaunchDescriptionEntity,
    Shutdown,
    SomeEntities,
    Visit,
    as_list,
    log,
)
from launch.lacking import Refusing

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)


class LaunchService(metaclass=Refusing):
    """Run launch descriptions.

    Other than in the original, SIGTERM, SIGQUIT and SIGHUP end the children like SIGINT, `run`
    works in any thread (without signal handling in others than the main one), and nothing that
    was started outlives it.
    """

    def __init__(self, *, argv: Iterable[str] | None = None, noninteractive: bool = False) -> None:
        self.context = LaunchContext(argv=argv, noninteractive=noninteractive)
        self.context.register_event_handler(self._launch)
        self._return_code = 0
        self._running: set[asyncio.Future[Any]] = set()

    def include_launch_description(self, launch_description: LaunchDescriptionEntity) -> None:
        """Launch a description, before the run or within its loop."""
        self.context.events.put_nowait(Visit(entity=launch_description))

    def shutdown(self) -> None:
        """End the current run, from any thread."""
        if (loop := self.context.asyncio_loop) is not None:
            with contextlib.suppress(RuntimeError):  # it has ended just now
                loop.call_soon_threadsafe(self._end, "LaunchService.shutdown() called")

    def run(self, *, shutdown_when_idle: bool = True) -> int:
        """Run until all is done: 0, or 1 if something raised; how processes ended is no matter."""
        return asyncio.run(self.run_async(shutdown_when_idle=shutdown_when_idle))

    async def run_async(self, *, shutdown_when_idle: bool = True) -> int:
        """Run within a loop, as `run` does."""
        context, self._return_code = self.context, 0
        context.asyncio_loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as at_end:
            self._handle_signals(context.asyncio_loop, at_end)
            try:
                while not context.events.empty() or self._running or not context.is_shutdown:
                    if context.events.empty() and not self._running and shutdown_when_idle:
                        self._end("idle")
                    await self._step()
            finally:
                context.asyncio_loop = None
                for future in self._running:
                    future.cancel()
                await asyncio.gather(*self._running, return_exceptions=True)
        return self._return_code

    async def _step(self) -> None:
        context = self.context
        try:
            context.event = await context.events.get()
        except asyncio.CancelledError as error:
            if context.is_shutdown:
                raise
            return self._fail(error)  # the processes are still to be ended
        context.is_shutdown |= isinstance(context.event, Shutdown)
        for handler in tuple(context.handlers):
            try:
                self._visit(handler(context.event, context))
            except Exception as error:  # the other handlers get the event nevertheless
                self._fail(error)
        context.events.task_done()

    def _launch(self, event: Any, context: LaunchContext) -> SomeEntities:
        return event.entity if isinstance(event, Visit) else None

    def _visit(self, entities: SomeEntities) -> None:
        for entity in as_list(entities):
            inner = entity.visit(self.context)
            if entity.future is not None and entity.future not in self._running:
                self._running.add(entity.future)
                entity.future.add_done_callback(self._finished)
            self._visit(inner)

    def _finished(self, future: asyncio.Future[Any]) -> None:
        self._running.discard(future)
        self.context.events.put_nowait(Event())  # wakes the loop
        if not future.cancelled() and (error := future.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._return_code = 1
        frames = traceback.extract_tb(error.__traceback__)
        places = [f"{f.filename}:{f.lineno}: " for f in frames if f.filename.endswith("launch.py")]
        message = "".join([*places[-1:], *traceback.format_exception_only(error)]).strip()
        log("ERROR", "launch", f"Caught exception in launch: {message}")
        self._end(message)

    def _end(self, reason: str, due_to_sigint: bool = False) -> None:
        if not self.context.is_shutdown:
            self.context.is_shutdown = True
            self.context.events.put_nowait(Shutdown(reason=reason, due_to_sigint=due_to_sigint))

    def _handle_signals(self, loop: Any, at_end: contextlib.ExitStack) -> None:
        if threading.current_thread() is threading.main_thread():
            at_end.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(-1))
            for number in ENDING:
                at_end.callback(signal.signal, number, signal.getsignal(number))
                at_end.callback(loop.remove_signal_handler, number)
                loop.add_signal_handler(number, self._interrupt, number)

    def _interrupt(self, number: signal.Signals) -> None:
        again = " again, ignoring..." if self.context.is_shutdown else ""
        name = "ctrl-c (SIGINT)" if number == signal.SIGINT else number.name
        log("WARNING", "launch", f"user interrupted with {name}{again}")
        self._end(name, due_to_sigint=number == signal.SIGINT)
