"""Processes: start, output, end, restart."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import os
import signal
import subprocess
from collections.abc import Callable, Iterable
from typing import Any

from launch.conditions import is_true
from launch.deferred import SomeSubstitutionsType, say
from launch.event_handlers import EventHandler
from launch.events import Event, Shutdown, matches_action
from launch.events import process as events
from launch.launch_context import LaunchContext
from launch.launch_description import Action
from launch.logging import get_logger
from launch.substitutions import LaunchConfiguration

_counter = itertools.count(1)
_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_CHUNK, _FULL_PIPE, _LONGEST_LINE = 2**16, 2**20, 2**20  # bytes; longer lines are split


class ExecuteProcess(Action):
    """Run a process; SIGINT, later SIGTERM and SIGKILL end it with the launched system."""

    def __init__(
        self, *, cmd: Iterable[SomeSubstitutionsType], name: SomeSubstitutionsType | None = None,
        cwd: SomeSubstitutionsType | None = None, env: dict[Any, Any] | None = None,
        additional_env: dict[Any, Any] | None = None, shell: bool = False,
        sigterm_timeout: SomeSubstitutionsType = LaunchConfiguration("sigterm_timeout", default=5),
        sigkill_timeout: SomeSubstitutionsType = LaunchConfiguration("sigkill_timeout", default=5),
        output: SomeSubstitutionsType = "log", cached_output: bool = False, on_exit: Any = None,
        respawn: bool | SomeSubstitutionsType = False, respawn_delay: float | None = None,
        respawn_max_retries: int = -1, **options: Any,
    ) -> None:
        super().__init__(**options)
        self.cmd, self.name, self.cwd, self.shell, self.output = list(cmd), name, cwd, shell, output
        self._env, self._additional_env, self._timeouts = env, additional_env, (
            sigterm_timeout, sigkill_timeout)
        self._respawn, self._delay, self._retries = respawn, respawn_delay, respawn_max_retries
        self._cached, self._on_exit = cached_output, on_exit
        self.process_details: dict[str, Any] | None = None
        self.return_code: int | None = None
        self.at_end = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._received = {kind: bytearray() for kind in (events.ProcessStdout, events.ProcessStderr)}
        self._unfinished = dict.fromkeys(self._received, b"")  # lines without their end

    def get_stdout(self, kind: type[Event] = events.ProcessStdout) -> str:
        """Return all that came by standard output; needs `cached_output`."""
        if not self._cached:
            raise RuntimeError(f"cached output must be true to get the output of {self.cmd}")
        return self._received[kind].decode(errors="replace")

    def get_stderr(self) -> str:
        """Return all that came by standard error; needs `cached_output`."""
        return self.get_stdout(events.ProcessStderr)

    def execute(self, context: LaunchContext) -> None:
        text = context.perform_substitution
        if self.process_details is not None:
            raise RuntimeError(f"ExecuteProcess action executed more than once: {self.cmd}")
        cmd = [text(part) for part in self.cmd]
        env = dict(context.environment) if self._env is None else {}
        env |= {text(k): text(v) for k, v in (self._env or {}).items()}
        env |= {text(k): text(v) for k, v in (self._additional_env or {}).items()}
        label = os.path.basename(cmd[0]) if self.name is None else text(self.name)
        self._label = f"{label}-{next(_counter)}"
        self.process_details = {
            "action": self, "process_name": self._label, "cmd": cmd, "env": env,
            "cwd": None if self.cwd is None else text(self.cwd),
        }
        self._seconds = [float(text(timeout)) for timeout in self._timeouts]
        if not isinstance(self._respawn, bool):
            self._respawn = is_true(text(self._respawn))
        output = os.environ.get("OVERRIDE_LAUNCH_PROCESS_OUTPUT") or text(self.output)
        if output not in ("screen", "log", "both"):
            raise ValueError(say(f"output={output}"))
        self._hidden = events.ProcessStdout if output == "log" else None
        self._logger = get_logger(self._label)
        self._printer = get_logger(f"{self._label}-output", "[%(label)s] %(message)s")
        if not context.is_shutdown:
            self._handler = EventHandler(matcher=lambda _: True, entities=self._react)
            context.register_event_handler(self._handler)
            self._ending = asyncio.Event()
            self.future = asyncio.ensure_future(self._supervise(context))

    async def _supervise(self, context: LaunchContext) -> None:
        with self.at_end:
            for retry in itertools.count(1):
                if not self._ending.is_set():
                    await self._run(context)
                if not self._respawn or 0 <= self._retries < retry or self._ending.is_set():
                    break
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), self._delay or 0)
        context.unregister_event_handler(self._handler)

    async def _run(self, context: LaunchContext) -> None:
        details = dict(self.process_details or {})
        cmd = details["cmd"]
        try:
            process = subprocess.Popen(
                " ".join(cmd) if self.shell else cmd, shell=self.shell, cwd=details["cwd"],
                env=details["env"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, preexec_fn=_end_with(os.getpid()))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._logger.error(f"exception occurred while executing process:\n{error!r}")
            return
        self._logger.info(f"process started with pid [{process.pid}]")
        details["pid"] = process.pid
        self.process_details, self._process, self.return_code = details, process, None
        context.emit_event_sync(events.ProcessStarted(**details))
        with process:
            await self._read_until_end(process, context)
        self.return_code = code = process.returncode
        await context.events_handled()
        for kind, rest in self._unfinished.items():
            self._print(kind, b"\n" if rest else b"")
        if code == 0:
            self._logger.info(f"process has finished cleanly [pid {process.pid}]")
        else:
            self._logger.error(f"process has died [pid {process.pid}, exit code {code}, cmd '"
                               f"{' '.join(part for part in cmd if part.strip())}'].")
        context.emit_event_sync(events.ProcessExited(returncode=code, **details))
        await context.events_handled()

    async def _read_until_end(self, process: Any, context: LaunchContext) -> None:
        def read(pipe: int) -> bool:
            with contextlib.suppress(BlockingIOError):
                if text := os.read(pipe, _CHUNK):
                    context.emit_event_sync(kinds[pipe](text=text, **(self.process_details or {})))
                    return True
                loop.remove_reader(pipe)
            return False

        loop, ended, pidfd = asyncio.get_running_loop(), asyncio.Event(), os.pidfd_open(process.pid)
        kinds = dict(zip((process.stdout.fileno(), process.stderr.fileno()), self._received))
        loop.add_reader(pidfd, ended.set)
        for pipe in kinds:
            os.set_blocking(pipe, False)
            loop.add_reader(pipe, read, pipe)
        try:
            await ended.wait()
            for pipe in kinds:  # not until they are closed: grandchildren may hold them open
                all(read(pipe) for _ in range(_FULL_PIPE // _CHUNK))
        finally:
            process.kill()  # nothing is left behind if this task is cancelled
            for file in (pidfd, *kinds):
                loop.remove_reader(file)
            os.close(pidfd)

    def _react(self, event: Any, context: LaunchContext) -> Any:
        if isinstance(event, Shutdown):
            self._end(context, send_sigint=not event.due_to_sigint or context.noninteractive)
        elif isinstance(event, events.ShutdownProcess) and event.process_matcher(self):
            self._end(context, send_sigint=True)
        elif isinstance(event, events.SignalProcess) and event.process_matcher(self):
            self._send(event.signal_number)
        elif type(event) in self._received and event.action is self:
            self._received[type(event)] += event.text if self._cached else b""
            self._print(type(event), event.text)
        elif isinstance(event, events.ProcessExited) and event.action is self:
            return self._on_exit(event, context) if callable(self._on_exit) else self._on_exit
        return None

    def _print(self, kind: type[Event], text: bytes) -> None:
        *lines, rest = (self._unfinished[kind] + text).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        self._unfinished[kind] = rest
        for line in lines if kind is not self._hidden else ():
            self._printer.info(line.decode(errors="replace"), extra={"label": self._label})

    def _end(self, context: LaunchContext, *, send_sigint: bool) -> None:
        if not self._ending.is_set():
            self._ending.set()
            self._escalation = asyncio.ensure_future(self._escalate(context))
            if send_sigint:
                self._ask(context, signal.SIGINT)

    def _ask(self, context: LaunchContext, number: signal.Signals) -> None:
        context.emit_event_sync(
            events.SignalProcess(signal_number=number, process_matcher=matches_action(self)))

    async def _escalate(self, context: LaunchContext) -> None:
        steps = ("SIGINT", signal.SIGTERM), ("SIGTERM", signal.SIGKILL)
        for seconds, (before, after) in zip(self._seconds, steps):
            await asyncio.wait({self.future}, timeout=seconds)
            if self.future.done():
                return
            self._logger.error(
                f"process[{self._label}] failed to terminate '{seconds}' seconds after "
                f"receiving '{before}', escalating to '{after.name}'")
            self._ask(context, after)

    def _send(self, number: str | signal.Signals) -> None:
        number = signal.Signals[number] if isinstance(number, str) else number
        if self._process is not None and self._process.poll() is None:
            self._logger.info(f"sending signal '{number.name}' to process[{self._label}]")
            self._process.send_signal(number)


def _end_with(parent: int) -> Callable[[], None]:
    def ask() -> None:
        """In the child: ask to be killed when the thread that forked, so the launcher, ends."""
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask
