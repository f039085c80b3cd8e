"""Real node processes, and a real rclpy node of the test to talk to them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor

NODES = Path(sys.prefix) / "lib" / "spikeloop"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a node as a process; its output goes to a file `log` of the process object."""
    started: list[Any] = []

    def begin(name: str, *parameters: str) -> Any:
        log = tmp_path / f"{name}_{len(started)}.log"
        arguments = [part for entry in parameters for part in ("-p", entry)]
        with log.open("w") as out:
            process: Any = subprocess.Popen(
                [str(NODES / name), *(["--ros-args", *arguments] if arguments else [])],
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
        process.log = log
        started.append(process)
        return process

    yield begin
    for process in started:
        process.terminate()
        try:
            process.wait(3.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Peer:
    """A node of the test's own, spun while it waits for a condition."""

    def __init__(self) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("peer", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)

    def wait(self, condition: Callable[[], Any], timeout: float = 20.0) -> Any:
        """The value of the condition once it is true."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if value := condition():
                return value
            self._executor.spin_once(timeout_sec=0.05)
        raise AssertionError(f"condition not met within {timeout} s")

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def peer(ros_domain: int) -> Iterator[Peer]:
    node = Peer()
    yield node
    node.close()
