"""Real node processes, and a real rclpy node of the test to talk to them; or nodes in the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from launch_ros.actions import Node
from rclpy.experimental import EventsExecutor
from rclpy.parameter import Parameter

from launch import LaunchDescription
from spikeloop.launching.description import environment, node_action
from spikeloop.nodes.registry import node_type
from spikeloop.nodes.slot import SlotNode


@pytest.fixture
def nodes(request: pytest.FixtureRequest) -> dict[str, Node]:
    """Launch actions of nodes, by name; the (indirect) parameter maps names to parameters."""
    return {
        name: node_action(name, [parameters] if parameters else [], cached_output=True)
        for name, parameters in request.param.items()
    }


@pytest.fixture
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the processes start, so that their parameters can name files that the test makes."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def description(nodes: dict[str, Node]) -> LaunchDescription:
    """Launches the nodes, with the transport that suits their topics."""
    kinds = [node_type(name) for name in nodes]
    topics = [
        name for kind in kinds for part in kind.wiring(kind.config_type())[:2] for name in part
    ]
    return LaunchDescription([*environment(topics), *nodes.values()])


class Hosted:
    """A node in the test's own process, spun as nodes are while the test waits."""

    def __init__(self, kind: type[SlotNode], parameters: dict[str, Any]) -> None:
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        given = [Parameter(name, value=value) for name, value in parameters.items()]
        self.node: Any = kind(context=self._context, parameter_overrides=given)
        self._executor = EventsExecutor(context=self._context)
        self._executor.add_node(self.node)

    def change(self, *labels: str) -> None:
        for label in labels:
            assert self.node.lifecycle.change(label), label

    def wait(self, condition: Callable[[], object], timeout: float = 20.0) -> None:
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"condition not met within {timeout} s"
            self._executor.spin_once(timeout_sec=0.01)

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()


@pytest.fixture
def host(ros_domain: int) -> Iterator[Callable[..., Hosted]]:
    """Makes a node of a kind and parameters in the test's own process."""
    made: list[Hosted] = []

    def make(kind: type[SlotNode], **parameters: Any) -> Hosted:
        made.append(Hosted(kind, parameters))
        return made[-1]

    yield make
    for each in made:
        each.close()
