"""Ends a launch when one of its processes stands still.

A stopped process (SIGSTOP, a debugger, Ctrl-Z) can hold a lock in shared memory on which others
block, so it can't be left to the nodes to notice: the process that launched them looks itself. At
the end the stopped one goes on, for else it could neither let go of the lock nor end by itself.
"""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import Any

import psutil
from launch.actions import LogInfo, OpaqueFunction, RegisterEventHandler, Shutdown, TimerAction
from launch.event_handlers import OnProcessStart

LOOK_EVERY_S = 0.25
PATIENCE_S = 1.5


class StoppedWatch:
    """Notes every process that starts, and looks at its state four times a second."""

    def __init__(self) -> None:
        """Watch nothing yet; `actions` go into the description."""
        self.cause = ""
        self._names: dict[int, str] = {}
        self._since: dict[int, float] = {}

    def actions(self) -> list[Any]:
        """What to put into a launch description, before the processes."""
        return [RegisterEventHandler(OnProcessStart(on_start=self._note)), self._again()]

    def _note(self, event: Any, context: Any) -> None:
        # launch names a process NAME-NUMBER.
        self._names[event.pid] = event.process_name.rsplit("-", 1)[0]

    def _again(self) -> TimerAction:
        return TimerAction(period=LOOK_EVERY_S, actions=[OpaqueFunction(function=self._look)])

    def _look(self, context: Any) -> list[Any]:
        now = time.monotonic()
        for pid, name in self._names.items():
            if not _is_stopped(pid):
                self._since.pop(pid, None)
            elif now - self._since.setdefault(pid, now) > PATIENCE_S:
                self.cause = f"process '{name}' [pid {pid}] is stopped and doesn't run"
                _let_end(pid)
                return [LogInfo(msg=self.cause), Shutdown(reason=self.cause)]
        return [self._again()]


def _is_stopped(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return False


def _let_end(pid: int) -> None:
    """Let a stopped process go on with its own end; the signal is the first thing that it sees."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.send_signal(signal.SIGINT)
        process.resume()
