"""Waiting for what processes do: coroutines, and the same for tests that run in a thread.

Each takes the launch context, the process, a function that judges its whole output (needs
`cached_output`) and `timeout` in seconds (None: no limit), and returns whether it came so; those
that assert raise what the function raised. What has happened before counts; with the original, a
start or an end in the past is never seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from launch.event_handlers import EventHandler


def _pair(
    condition: Callable[..., Any], error: type[BaseException] | tuple[()] = ()
) -> tuple[Callable[..., Coroutine[Any, Any, bool]], Callable[..., bool]]:
    async def wait(
        launch_context: Any, execute_process_action: Any, *check: Any,
        timeout: float | None = None, **named_check: Any,
    ) -> bool:
        def holds() -> bool:
            return bool(condition(execute_process_action, *check, **named_check))

        async def until() -> None:
            while True:
                news.clear()
                try:
                    if holds():
                        return
                except error:
                    pass
                await news.wait()

        news = asyncio.Event()
        handler = EventHandler(
            matcher=lambda event: getattr(event, "action", None) is execute_process_action,
            entities=lambda *_: news.set())
        launch_context.register_event_handler(handler, append=True)
        try:
            await asyncio.wait_for(until(), timeout)
        except asyncio.TimeoutError:
            return holds()
        finally:
            launch_context.unregister_event_handler(handler)
        return True

    def wait_sync(launch_context: Any, *args: Any, **kwargs: Any) -> bool:
        loop, waiting = launch_context.asyncio_loop, wait(launch_context, *args, **kwargs)
        if loop is None:  # after the shutdown
            return asyncio.new_event_loop().run_until_complete(waiting)
        return asyncio.run_coroutine_threadsafe(waiting, loop).result()

    return wait, wait_sync


def _asserted(output: str, validate_output: Callable[[str], Any]) -> bool:
    validate_output(output)
    return True


wait_for_start, wait_for_start_sync = _pair(lambda process: "pid" in (process.process_details or {}))
wait_for_exit, wait_for_exit_sync = _pair(lambda process: process.return_code is not None)
wait_for_output, wait_for_output_sync = _pair(
    lambda process, validate_output: validate_output(process.get_stdout()))
wait_for_stderr, wait_for_stderr_sync = _pair(
    lambda process, validate_output: validate_output(process.get_stderr()))
assert_output, assert_output_sync = _pair(
    lambda process, validate_output: _asserted(process.get_stdout(), validate_output), AssertionError)
assert_stderr, assert_stderr_sync = _pair(
    lambda process, validate_output: _asserted(process.get_stderr(), validate_output), AssertionError)
