"""Real missions as processes, observed from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

COMMAND = [str(Path(sys.prefix) / "bin" / "spikeloop"), "mission"]


class FlyingMission:
    """One `spikeloop mission` process with its children; its output arrives with times."""

    def __init__(self, folder: Path, *arguments: str, compare: bool = False) -> None:
        self.folder = folder
        self.lines: list[tuple[float, str]] = []
        self.process = subprocess.Popen(
            [
                *COMMAND,
                *arguments,
                *([] if compare else ["--no-compare"]),
                "--report",
                str(folder),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append((time.monotonic(), line.rstrip()))
                self._news.notify_all()

    def wait_for_line(self, text: str, timeout: float = 30.0) -> float:
        """Time at which a line with `text` came."""
        found: list[float] = []

        def seen() -> bool:
            found[:] = [at for at, line in self.lines if text in line]
            return bool(found)

        with self._news:
            assert self._news.wait_for(seen, timeout), f"no line with '{text}':\n{self.output}"
        return found[0]

    @property
    def output(self) -> str:
        return "\n".join(line for _, line in self.lines)

    def child(self, name: str) -> psutil.Process:
        """The process of a node."""
        for process in psutil.Process(self.process.pid).children(recursive=True):
            if any(part.endswith(f"lib/spikeloop/{name}") for part in process.cmdline()):
                return process
        raise AssertionError(f"no process {name}:\n{self.output}")

    def end(self, timeout: float = 120.0) -> int:
        code = self.process.wait(timeout)
        self._reader.join(5.0)
        return code

    @property
    def report(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return data


@pytest.fixture
def fly(tmp_path: Path) -> Iterator[Any]:
    """Start missions; whatever is left of them is killed at the end, and is an error."""
    flown: list[FlyingMission] = []

    def start(*arguments: str, compare: bool = False) -> FlyingMission:
        mission = FlyingMission(tmp_path / str(len(flown)), *arguments, compare=compare)
        flown.append(mission)
        return mission

    yield start
    for mission in flown:
        if mission.process.poll() is None:
            for process in psutil.Process(mission.process.pid).children(recursive=True):
                process.kill()
            mission.process.kill()
            mission.process.wait()
