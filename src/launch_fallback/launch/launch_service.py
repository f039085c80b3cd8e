"""The loop that visits descriptions, handles events and waits for processes."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import threading
import traceback
from collections.abc import Iterable
from typing import Any

from launch.core import (
    IncludeLaunchDescription,
    LaunchContext,
    LaunchDescriptionEntity,
    Shutdown,
    as_list,
    log,
)
from launch.execute_process import ExecuteProcess

LIBC, PR_GET_CHILD_SUBREAPER = ctypes.CDLL(None), 37
PEEK = os.WEXITED | os.WNOHANG | os.WNOWAIT
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)


class LaunchService:
    """Run launch descriptions.

    Other than in the original, SIGTERM, SIGQUIT and SIGHUP end the children like SIGINT, `run`
    works in any thread (without signal handling in others than the main one), and nothing that
    was started outlives it.
    """

    def __init__(
        self,
        *,
        argv: Iterable[str] | None = None,
        noninteractive: bool = False,
        debug: bool = False,
    ) -> None:
        self.context = LaunchContext(argv=argv, noninteractive=noninteractive)
        self._debug, self._return_code, self._adopts = debug, 0, False
        self._running: set[asyncio.Future[Any]] = set()

    def include_launch_description(self, launch_description: LaunchDescriptionEntity) -> None:
        """Launch a description, from any thread, also before the run."""
        event = IncludeLaunchDescription(launch_description=launch_description, names={})
        self.context.emit_event_sync(event)

    def shutdown(self, force_sync: bool = False) -> Any:
        """End the current run, from any thread; within the loop the result is to be awaited."""
        if (loop := self.context.asyncio_loop) is None:
            return None
        self._end("LaunchService.shutdown() called")
        return None if force_sync or asyncio._get_running_loop() is not loop else asyncio.sleep(0)

    def run(self, *, shutdown_when_idle: bool = True) -> int:
        """Run until all is done: 0, or 1 if something raised; how processes ended is no matter."""
        return asyncio.run(self.run_async(shutdown_when_idle=shutdown_when_idle))

    async def run_async(self, *, shutdown_when_idle: bool = True) -> int:
        """Run within a loop, as `run` does."""
        context, self._return_code = self.context, 0
        if context.asyncio_loop is not None:
            raise RuntimeError("LaunchService cannot be run multiple times concurrently.")
        context.asyncio_loop, context.news = asyncio.get_running_loop(), asyncio.Event()
        with contextlib.ExitStack() as at_end:
            self._handle_signals(context.asyncio_loop, at_end)
            try:
                while context.queue or self._running or not context.is_shutdown:
                    try:
                        await self._step(shutdown_when_idle)
                    except (Exception, asyncio.CancelledError) as error:
                        if isinstance(error, asyncio.CancelledError) and context.is_shutdown:
                            raise
                        self._fail(error)
            finally:
                for future in self._running:
                    future.cancel()
                await asyncio.gather(*self._running, return_exceptions=True)
                context.asyncio_loop = None
        return self._return_code

    async def _step(self, shutdown_when_idle: bool) -> None:
        context = self.context
        if not context.queue and not self._running and shutdown_when_idle:
            self._end("idle")
        if not context.queue:
            await context.news.wait()
        context.news.clear()
        self._reap()
        for _ in range(len(context.queue)):
            self._handle(context.queue.popleft())
        await asyncio.sleep(0)

    def _handle(self, event: Any) -> None:
        context = self.context
        context.is_shutdown |= isinstance(event, Shutdown)
        if isinstance(event, asyncio.Future):
            if not event.done():
                event.set_result(None)
        elif isinstance(event, IncludeLaunchDescription):
            context.names = dict(event.names)
            self._visit(event.launch_description)
        for handler in tuple(context.event_handlers):
            context.names = {"event": event}
            try:
                for entity in handler.handle(event, context) if handler.matches(event) else ():
                    self._visit(entity)
            except Exception as error:  # the other handlers get the event nevertheless
                self._fail(error)

    def _visit(self, entity: LaunchDescriptionEntity) -> None:
        entities = as_list(entity.visit(self.context))
        if entity.future is not None and entity.future not in self._running:
            self._running.add(entity.future)
            entity.future.add_done_callback(self._finished)
        for inner in entities:
            self._visit(inner)

    def _finished(self, future: asyncio.Future[Any]) -> None:
        self._running.discard(future)
        self.context.news.set()
        if not future.cancelled() and (error := future.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._return_code = 1
        frames = traceback.extract_tb(error.__traceback__)
        places = [f"{f.filename}:{f.lineno}: " for f in frames if f.filename.endswith("launch.py")]
        message = "".join([*places[-1:], *traceback.format_exception_only(error)]).strip()
        log("ERROR", "launch", f"Caught exception in launch (see debug for traceback): {message}")
        if self._debug:
            traceback.print_exception(error)
        self._end(message)

    def _end(self, reason: str, due_to_sigint: bool = False) -> None:
        if not self.context.is_shutdown:
            self.context.is_shutdown = True
            self.context.emit_event_sync(Shutdown(reason=reason, due_to_sigint=due_to_sigint))

    def _handle_signals(self, loop: Any, at_end: contextlib.ExitStack) -> None:
        if threading.current_thread() is threading.main_thread():
            at_end.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(-1))
            handlers: dict[int, Any] = dict.fromkeys(ENDING, self._interrupt)
            LIBC.prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(is_subreaper := ctypes.c_int()))
            self._adopts = os.getpid() == 1 or bool(is_subreaper)
            if self._adopts:
                handlers[signal.SIGCHLD] = lambda _: self.context.news.set()
            for number, handler in handlers.items():
                at_end.callback(signal.signal, number, signal.getsignal(number))
                at_end.callback(loop.remove_signal_handler, number)
                loop.add_signal_handler(number, handler, number)

    def _reap(self) -> None:
        """Collect adopted orphans, as PID 1 must; actions collect their own processes."""
        with contextlib.suppress(ChildProcessError):
            while self._adopts and (child := os.waitid(os.P_ALL, 0, PEEK)):
                if child.si_pid in ExecuteProcess.pids:
                    break
                os.waitpid(child.si_pid, 0)

    def _interrupt(self, number: signal.Signals) -> None:
        again = " again, ignoring..." if self.context.is_shutdown else ""
        name = "ctrl-c (SIGINT)" if number == signal.SIGINT else number.name
        log("WARNING", "launch", f"user interrupted with {name}{again}")
        self._end(name, due_to_sigint=number == signal.SIGINT)
