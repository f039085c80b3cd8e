"""Waiting for what processes do: coroutines, and the same for tests that are functions.

Each takes the launch context, the process, if need be a function that judges its whole output
(with `cached_output`), and `timeout` in seconds (None: no limit). It returns whether it came so;
those that assert raise what the function raised. What has happened before counts; with the
original, a start or an end in the past is never seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Coroutine
from typing import Any

POLL_S = 0.01


def _pair(
    holds: Callable[..., Any], *names: str
) -> tuple[Callable[..., Coroutine[Any, Any, bool]], Callable[..., bool]]:
    async def wait(
        launch_context: Any, execute_process_action: Any, *args: Any, **named: Any
    ) -> bool:
        given = dict(zip(names, args, strict=False)) | named
        timeout = given.pop("timeout", None)
        end = time.monotonic() + (math.inf if timeout is None else timeout)
        while time.monotonic() < end:
            with contextlib.suppress(AssertionError):
                if holds(execute_process_action, **given):
                    return True
            await asyncio.sleep(POLL_S)
        return bool(holds(execute_process_action, **given))

    return wait, lambda *args, **named: asyncio.run(wait(*args, **named))


def _output(process: Any, validate_output: Callable[[str], Any]) -> Any:
    return validate_output(process.get_stdout())


def _stderr(process: Any, validate_output: Callable[[str], Any]) -> Any:
    return validate_output(process.get_stderr())


CHECKED = ("validate_output", "timeout")
wait_for_start, wait_for_start_sync = _pair(lambda p: "pid" in (p.process_details or {}), "timeout")
wait_for_exit, wait_for_exit_sync = _pair(lambda p: p.return_code is not None, "timeout")
wait_for_output, wait_for_output_sync = _pair(_output, *CHECKED)
wait_for_stderr, wait_for_stderr_sync = _pair(_stderr, *CHECKED)
assert_output, assert_output_sync = _pair(lambda *a, **k: _output(*a, **k) or True, *CHECKED)
assert_stderr, assert_stderr_sync = _pair(lambda *a, **k: _stderr(*a, **k) or True, *CHECKED)
