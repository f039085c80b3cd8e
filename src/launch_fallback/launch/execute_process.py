"""Processes: start, output, end, restart."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from launch.core import (
    Action,
    Event,
    LaunchContext,
    ProcessExited,
    ProcessStarted,
    ProcessStderr,
    ProcessStdout,
    Shutdown,
    log,
    show,
)
from launch.lacking import say

COUNTER = itertools.count(1)
LIBC, PR_SET_PDEATHSIG = ctypes.CDLL(None), 1
CHUNK, FULL_PIPE, LONGEST_LINE = 2**16, 2**20, 2**20  # bytes; longer lines are split


class ExecuteProcess(Action):
    """Run a process; SIGINT, later SIGTERM and SIGKILL end it with the launched system.

    Its standard error is shown, and its standard output unless `output` is "log"; both are kept
    with `cached_output`. `on_exit` is visited when it ends, or called with event and context.
    With `respawn` it is started again, after a delay in seconds.
    """

    process_details: dict[str, Any] | None = None  # of the latest start, "pid" among them
    return_code: int | None = None
    _process: subprocess.Popen[bytes] | None = None

    def __init__(
        self,
        *,
        cmd: Sequence[str],
        name: str | None = None,
        additional_env: Mapping[str, str] | None = None,
        sigterm_timeout: str = "5",
        sigkill_timeout: str = "5",
        output: str = "log",
        cached_output: bool = False,
        on_exit: Any = None,
        respawn: bool = False,
        respawn_delay: float | None = None,
    ) -> None:
        if output not in ("screen", "log", "both"):
            raise ValueError(say(f"output={output}"))
        self.cmd, self._name, self._environment = [*cmd], name, additional_env or {}
        self._seconds = float(sigterm_timeout), float(sigkill_timeout)
        self._shown = {ProcessStdout: output != "log", ProcessStderr: True}
        self.cached_output, self._on_exit = cached_output, on_exit
        self._respawn, self._delay = respawn, respawn_delay or 0.0
        self._received = {kind: bytearray() for kind in self._shown}
        self._unfinished = dict.fromkeys(self._shown, b"")  # lines without their end

    def get_stdout(self) -> str:
        """Return all that came by standard output; needs `cached_output`."""
        return self._get(ProcessStdout)

    def get_stderr(self) -> str:
        """Return all that came by standard error; needs `cached_output`."""
        return self._get(ProcessStderr)

    def _get(self, kind: type[Event]) -> str:
        if not self.cached_output:
            raise RuntimeError(f"cached output must be true to get the output of {self.cmd}")
        return self._received[kind].decode(errors="replace")

    def visit(self, context: LaunchContext) -> None:
        if self.process_details is not None:
            raise RuntimeError(f"ExecuteProcess action executed more than once: {self.cmd}")
        self._label = f"{self._name or os.path.basename(self.cmd[0])}-{next(COUNTER)}"
        self.process_details = {
            "action": self,
            "process_name": self._label,
            "cmd": self.cmd,
            "cwd": None,
            "env": {**context.environment, **self._environment},
        }
        if not context.is_shutdown:
            self._ending = asyncio.Event()
            context.register_event_handler(self._react)
            self.future = asyncio.ensure_future(self._supervise(context))

    async def _supervise(self, context: LaunchContext) -> None:
        while not self._ending.is_set() and await self._run(context) and self._respawn:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ending.wait(), self._delay)
        context.handlers.remove(self._react)

    async def _run(self, context: LaunchContext) -> bool:
        """Run the process once; False if it can't be started."""
        details = dict(self.process_details or {})
        try:
            process = self._start(details)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            log("ERROR", self._label, f"exception occurred while executing process:\n{error}")
            return False
        log("INFO", self._label, f"process started with pid [{process.pid}]")
        details["pid"] = process.pid
        self.process_details, self._process, self.return_code = details, process, None
        context.events.put_nowait(ProcessStarted(**details))
        with process:
            await self._read_until_end(process, context)
        for kind, rest in self._unfinished.items():
            self._print(kind, b"\n" if rest else b"")
        self.return_code = code = process.returncode
        if code == 0:
            log("INFO", self._label, f"process has finished cleanly [pid {process.pid}]")
        else:
            end = f"pid {process.pid}, exit code {code}, cmd '{' '.join(self.cmd)}'"
            log("ERROR", self._label, f"process has died [{end}].")
        context.events.put_nowait(ProcessExited(returncode=code, **details))
        await context.events.join()  # so that nothing starts again if this ends all
        return True

    def _start(self, details: dict[str, Any]) -> subprocess.Popen[bytes]:
        launcher = os.getpid()

        def end_with_launcher() -> None:  # that is, with the thread that forked
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != launcher:
                os._exit(1)

        pipe = subprocess.PIPE
        return subprocess.Popen(
            self.cmd,
            env=details["env"],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            preexec_fn=end_with_launcher,
        )

    async def _read_until_end(self, process: Any, context: LaunchContext) -> None:
        def read(pipe: int) -> bool:
            """Take what is there; whether there may be more."""
            with contextlib.suppress(BlockingIOError):
                if text := os.read(pipe, CHUNK):
                    self._received[kinds[pipe]] += text if self.cached_output else b""
                    self._print(kinds[pipe], text)
                    context.events.put_nowait(
                        kinds[pipe](text=text, **(self.process_details or {}))
                    )
                    return True
                loop.remove_reader(pipe)
            return False

        loop, ended, pidfd = asyncio.get_running_loop(), asyncio.Event(), os.pidfd_open(process.pid)
        pipes = process.stdout.fileno(), process.stderr.fileno()
        kinds = dict(zip(pipes, self._shown, strict=True))
        try:
            loop.add_reader(pidfd, ended.set)
            for pipe in pipes:
                os.set_blocking(pipe, False)
                loop.add_reader(pipe, read, pipe)
            await ended.wait()
            for pipe in pipes:  # not until they are closed: grandchildren may hold them open
                all(read(pipe) for _ in range(FULL_PIPE // CHUNK))
        finally:
            process.kill()  # nothing is left behind if this task is cancelled
            for file in (pidfd, *pipes):
                loop.remove_reader(file)
            os.close(pidfd)

    def _print(self, kind: type[Event], text: bytes) -> None:
        *lines, rest = (self._unfinished[kind] + text).split(b"\n")
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        self._unfinished[kind] = rest
        for line in lines if self._shown[kind] else ():
            show(f"[{self._label}] {line.decode(errors='replace')}")

    def _react(self, event: Any, context: LaunchContext) -> Any:
        if isinstance(event, Shutdown) and not self._ending.is_set():
            self._ending.set()
            own_sigint = not event.due_to_sigint or context.noninteractive
            self._asking = asyncio.ensure_future(self._end(own_sigint))
        if isinstance(event, ProcessExited) and event.action is self:
            return self._on_exit(event, context) if callable(self._on_exit) else self._on_exit
        return None

    async def _end(self, own_sigint: bool) -> None:
        """Ask the process to end, with SIGINT unless somebody else sends that, then harder."""
        assert self.future is not None
        numbers = signal.SIGINT, signal.SIGTERM, signal.SIGKILL
        for number, seconds in zip(numbers, (0.0, *self._seconds), strict=True):
            await asyncio.wait({self.future}, timeout=seconds)
            if self.future.done() or self._process is None or self._process.poll() is not None:
                return
            if number != signal.SIGINT:
                failed = f"failed to terminate within '{seconds}' seconds"
                log(
                    "ERROR",
                    self._label,
                    f"process[{self._label}] {failed}, escalating to '{number.name}'",
                )
            if number != signal.SIGINT or own_sigint:
                log(
                    "INFO", self._label, f"sending signal '{number.name}' to process[{self._label}]"
                )
                self._process.send_signal(number)
