"""Waiting for what processes do: coroutines, and the same for tests that are functions.

Each takes the launch context, the process, if need be a function that judges its whole output
(with `cached_output`), and `timeout` in seconds (None: no limit). It returns whether it came so;
those that assert raise what the function raised. What has happened before counts; with the
original, a start or an end in the past is never seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from launch.core import EventHandler

Waiting = tuple[Callable[..., Coroutine[Any, Any, bool]], Callable[..., bool]]

def _pair(holds: Callable[..., Any], *names: str) -> Waiting:
    def wait_sync(launch_context: Any, execute_process_action: Any, *args: Any, **named: Any) -> bool:
        given: dict[str, Any] = dict(zip(names, args, strict=False)) | named
        timeout, stop = given.pop("timeout", None), given.pop("stop", threading.Event())
        verdict = functools.partial(holds, execute_process_action, **given)

        def react(*_: Any) -> None:
            with contextlib.suppress(AssertionError):
                if verdict():
                    stop.set()

        handler = EventHandler(
            matcher=lambda event: getattr(event, "action", None) is execute_process_action,
            entities=react)
        launch_context.register_event_handler(handler, append=True)
        react()
        stop.wait(timeout)
        launch_context.unregister_event_handler(handler)
        return bool(verdict())

    async def wait(*args: Any, **named: Any) -> bool:
        stop = threading.Event()
        try:
            return await asyncio.to_thread(wait_sync, *args, stop=stop, **named)
        finally:
            stop.set()  # also if this is cancelled

    return wait, wait_sync

wait_for_start, wait_for_start_sync = _pair(
    lambda process: "pid" in (process.process_details or {}), "timeout")
wait_for_exit, wait_for_exit_sync = _pair(
    lambda process: process.return_code is not None, "timeout")
wait_for_output, wait_for_output_sync = _pair(
    lambda process, validate_output: validate_output(process.get_stdout()),
    "validate_output", "timeout")
wait_for_stderr, wait_for_stderr_sync = _pair(
    lambda process, validate_output: validate_output(process.get_stderr()),
    "validate_output", "timeout")
assert_output, assert_output_sync = _pair(
    lambda process, validate_output: validate_output(process.get_stdout()) or True,
    "validate_output", "timeout")
assert_stderr, assert_stderr_sync = _pair(
    lambda process, validate_output: validate_output(process.get_stderr()) or True,
    "validate_output", "timeout")
