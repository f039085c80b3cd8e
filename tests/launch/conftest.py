"""Launching processes that launch: each test writes a script and looks at what it prints."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

import launch

IS_FALLBACK = "launch_fallback" in Path(launch.__file__).parts
collect_ignore = [] if IS_FALLBACK else ["test_fallback_only.py"]

PRELUDE = """
import os, signal, sys
from launch import LaunchDescription, LaunchService
from launch.actions import (
    DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription, LogInfo, OpaqueFunction,
    RegisterEventHandler, SetEnvironmentVariable, Shutdown, TimerAction)
from launch.event_handlers import OnProcessExit, OnProcessIO, OnProcessStart
from launch.launch_description_sources import PythonLaunchDescriptionSource

def shell(command, **options):
    return ExecuteProcess(cmd=["sh", "-c", command], **{"output": "screen", **options})

def launched(*actions, **options):
    service = LaunchService(noninteractive=True, **options)
    service.include_launch_description(LaunchDescription(actions))
    return service.run()

"""


class Launcher:
    """A process that launches, and what it printed so far."""

    def __init__(self, script: Path, environment: dict[str, str]) -> None:
        self.output = ""
        self._process = subprocess.Popen(
            [sys.executable, "-u", str(script)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
        )
        self.pid = self._process.pid

    @property
    def lines(self) -> list[str]:
        """Printed lines."""
        return self.output.splitlines()

    def children(self) -> list[psutil.Process]:
        """Living descendants."""
        return psutil.Process(self.pid).children(recursive=True)

    def wait_for(self, text: str) -> str:
        """Read on until a line has the text; return the line."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output += line
            if text in line:
                return line.rstrip("\n")
        raise AssertionError(f"ended without printing {text!r}:\n{self.output}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the launching process alone."""
        self._process.send_signal(number)

    def wait(self, timeout: float = 20.0) -> int:
        """Read to the end; return the exit code."""
        self.output += self._process.communicate(timeout=timeout)[0]
        return self._process.returncode

    def kill(self) -> None:
        """End it and what it started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [*self.children(), psutil.Process(self.pid)]:
                process.kill()
        self._process.communicate()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Launcher]]:
    """Start a script that begins with PRELUDE; give environment variables by name."""
    started: list[Launcher] = []

    def start_script(body: str, **environment: str) -> Launcher:
        script = tmp_path / f"script{len(started)}.py"
        script.write_text(PRELUDE + textwrap.dedent(body), encoding="utf-8")
        own = {
            "ROS_LOG_DIR": str(tmp_path / "log"),
            "AMENT_PREFIX_PATH": f"{tmp_path}:{sys.prefix}",
        }
        started.append(Launcher(script, os.environ | own | environment))
        return started[-1]

    yield start_script
    for launcher in started:
        launcher.kill()


@pytest.fixture
def run(start: Callable[..., Launcher]) -> Callable[..., Launcher]:
    """Run a script to its end, which must be that of `exit_code`."""

    def run_script(body: str, exit_code: int = 0, **environment: str) -> Launcher:
        launcher = start(body, **environment)
        assert launcher.wait() == exit_code, launcher.output
        return launcher

    return run_script


def wait_until(condition: Callable[[], object], timeout: float = 10.0) -> None:
    """Wait until a condition holds; AssertionError if it doesn't in time."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        os.sched_yield()
