"""Waiting for what processes do.

Each function takes the launch context, the process, if need be a function that judges all that
came (with `cached_output`), and `timeout` in seconds (None: no limit). It returns whether it came
so. What has happened before counts; with the original, an end in the past is never seen.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

POLL_S = 0.01


def _wait(holds: Callable[[], Any], timeout: float | None) -> bool:
    end = time.monotonic() + (math.inf if timeout is None else timeout)
    while not (value := bool(holds())) and time.monotonic() < end:
        time.sleep(POLL_S)
    return value


def wait_for_exit_sync(
    launch_context: Any, execute_process_action: Any, timeout: float | None = None
) -> bool:
    return _wait(lambda: execute_process_action.return_code is not None, timeout)


def wait_for_stderr_sync(
    launch_context: Any,
    execute_process_action: Any,
    validate_output: Callable[[str], Any],
    timeout: float | None = None,
) -> bool:
    return _wait(lambda: validate_output(execute_process_action.get_stderr()), timeout)
