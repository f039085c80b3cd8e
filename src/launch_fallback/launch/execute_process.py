"""Processes: start, output, end, restart."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import os
import signal
import subprocess
from typing import Any, ClassVar, cast

from launch import core as events
from launch.core import (
    Action,
    Event,
    EventHandler,
    LaunchConfiguration,
    LaunchContext,
    Text,
    is_true,
    log,
    matches_action,
    say,
    show,
)

COUNTER = itertools.count(1)
LIBC, PR_SET_PDEATHSIG = ctypes.CDLL(None), 1
CHUNK, FULL_PIPE, LONGEST_LINE = 2**16, 2**20, 2**20  # bytes; longer lines are split
SIGTERM_TIMEOUT = cast(str, LaunchConfiguration("sigterm_timeout", default=5))
SIGKILL_TIMEOUT = cast(str, LaunchConfiguration("sigkill_timeout", default=5))


class ExecuteProcess(Action):
    """Run a process; SIGINT, later SIGTERM and SIGKILL end it with the launched system."""

    cmd: list[Any]
    cached_output: bool
    pids: ClassVar[set[int]] = set()
    process_details: dict[str, Any] | None = None
    return_code: int | None = None
    _process: subprocess.Popen[bytes] | None = None

    def _do(
        self,
        context: LaunchContext,
        *,
        cmd: list[Any],
        name: Text | None = None,
        cwd: Text | None = None,
        env: dict[Any, Any] | None = None,
        additional_env: dict[Any, Any] | None = None,
        shell: bool = False,
        sigterm_timeout: Text = SIGTERM_TIMEOUT,
        sigkill_timeout: Text = SIGKILL_TIMEOUT,
        output: Text = "log",
        cached_output: bool = False,
        on_exit: Any = None,
        respawn: Any = False,
        respawn_delay: float | None = None,
        respawn_max_retries: int = -1,
    ) -> None:
        if self.process_details is not None:
            raise RuntimeError(f"ExecuteProcess action executed more than once: {cmd}")
        if output not in ("screen", "log", "both"):
            raise ValueError(say(f"output={output}"))
        text = context.perform_substitution
        words, own = [text(word) for word in cmd], dict(context.environment if env is None else env)
        own |= additional_env or {}
        self._label = f"{name or os.path.basename(words[0])}-{next(COUNTER)}"
        self._seconds = float(sigterm_timeout), float(sigkill_timeout)
        self._tries = respawn_max_retries + 1 if respawn_max_retries >= 0 else None
        if not (respawn if isinstance(respawn, bool) else is_true(text(respawn))):
            self._tries = 1
        self._delay, self._shell, self._on_exit = respawn_delay or 0, shell, on_exit
        self._hidden = events.ProcessStdout if output == "log" else None
        self._received = {events.ProcessStdout: bytearray(), events.ProcessStderr: bytearray()}
        self._unfinished = dict.fromkeys(self._received, b"")  # lines without their end
        self._ending = asyncio.Event()
        self._handler = EventHandler(matcher=lambda _: True, entities=self._react)
        self.process_details = {
            "action": self,
            "process_name": self._label,
            "cmd": words,
            "cwd": cwd,
            "env": {text(key): text(value) for key, value in own.items()},
        }
        if not context.is_shutdown:
            context.register_event_handler(self._handler)
            self.future = asyncio.ensure_future(self._supervise(context))

    def get_stdout(self, kind: type[Event] = events.ProcessStdout) -> str:
        """Return all that came by standard output; needs `cached_output`."""
        if not self.cached_output:
            raise RuntimeError(f"cached output must be true to get the output of {self.cmd}")
        return self._received[kind].decode(errors="replace") if self.process_details else ""

    def get_stderr(self) -> str:
        """Return all that came by standard error; needs `cached_output`."""
        return self.get_stdout(events.ProcessStderr)

    async def _supervise(self, context: LaunchContext) -> None:
        for number in itertools.count(1):
            if not self._ending.is_set():
                await self._run(context)
            if number == self._tries or self._ending.is_set():
                break
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ending.wait(), self._delay)
        context.unregister_event_handler(self._handler)

    async def _run(self, context: LaunchContext) -> None:
        def end_with_launcher() -> None:  # that is, with the thread that forked
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != launcher:
                os._exit(1)

        launcher, details = os.getpid(), dict(self.process_details or {})
        words = details["cmd"]
        try:
            process = subprocess.Popen(
                " ".join(words) if self._shell else words,
                shell=self._shell,
                cwd=details["cwd"],
                env=details["env"],
                stdin=-1,
                stdout=-1,
                stderr=-1,
                preexec_fn=end_with_launcher,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            log("ERROR", self._label, f"exception occurred while executing process:\n{error}")
            return
        log("INFO", self._label, f"process started with pid [{process.pid}]")
        details["pid"] = process.pid
        self.process_details, self._process, self.return_code = details, process, None
        context.emit_event_sync(events.ProcessStarted(**details))
        self.pids.add(process.pid)
        with process:
            await self._read_until_end(process, context)
        self.pids.discard(process.pid)
        self.return_code = code = process.returncode
        await context.events_handled()
        for kind, rest in self._unfinished.items():
            self._print(kind, b"\n" if rest else b"")
        if code == 0:
            log("INFO", self._label, f"process has finished cleanly [pid {process.pid}]")
        else:
            log(
                "ERROR",
                self._label,
                f"process has died [pid {process.pid}, exit code {code}, "
                f"cmd '{' '.join(word for word in words if word.strip())}'].",
            )
        context.emit_event_sync(events.ProcessExited(returncode=code, **details))
        await context.events_handled()

    async def _read_until_end(self, process: Any, context: LaunchContext) -> None:
        def read(pipe: int) -> bool:
            with contextlib.suppress(BlockingIOError):
                if text := os.read(pipe, CHUNK):
                    context.emit_event_sync(kinds[pipe](text=text, **(self.process_details or {})))
                    return True
                loop.remove_reader(pipe)
            return False

        loop, ended, pidfd = asyncio.get_running_loop(), asyncio.Event(), os.pidfd_open(process.pid)
        pipes = process.stdout.fileno(), process.stderr.fileno()
        kinds = dict(zip(pipes, self._received, strict=True))
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

    def _react(self, event: Any, context: LaunchContext) -> Any:
        if isinstance(event, events.Shutdown):
            self._end(context, not event.due_to_sigint or context.noninteractive)
        elif isinstance(event, events.ShutdownProcess) and event.process_matcher(self):
            self._end(context, True)
        elif isinstance(event, events.SignalProcess) and event.process_matcher(self):
            if self._process is not None and self._process.poll() is None:
                name = getattr(event.signal_number, "name", event.signal_number)
                log("INFO", self._label, f"sending signal '{name}' to process[{self._label}]")
                self._process.send_signal(signal.Signals[name])
        elif type(event) in self._received and event.action is self:
            self._print(type(event), event.text)
        elif isinstance(event, events.ProcessExited) and event.action is self:
            return self._on_exit(event, context) if callable(self._on_exit) else self._on_exit
        return None

    def _print(self, kind: type[Event], text: bytes) -> None:
        self._received[kind] += text if self.cached_output else b""
        *lines, rest = (self._unfinished[kind] + text).split(b"\n")
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        self._unfinished[kind] = rest
        for line in lines if kind is not self._hidden else ():
            show(f"[{self._label}] {line.decode(errors='replace')}")

    def _end(self, context: LaunchContext, send_sigint: bool) -> None:
        async def ask() -> None:
            numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
            for number, seconds in zip(numbers, (0, *self._seconds), strict=True):
                await asyncio.wait({task}, timeout=seconds)
                if not task.done() and (send_sigint or number != signal.SIGINT):
                    if number != signal.SIGINT:
                        log(
                            "ERROR",
                            self._label,
                            f"process[{self._label}] failed to terminate "
                            f"within '{seconds}' seconds, escalating to '{number.name}'",
                        )
                    context.emit_event_sync(
                        events.SignalProcess(
                            signal_number=number, process_matcher=matches_action(self)
                        )
                    )

        if not self._ending.is_set() and (task := cast(Any, self.future)):
            self._ending.set()
            self._asking = asyncio.ensure_future(ask())
