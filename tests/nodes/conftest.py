"""Real node processes, and a real rclpy node of the test to talk to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rclpy
from launch_ros.actions import Node
from rclpy.executors import SingleThreadedExecutor

from launch import LaunchDescription
from spikeloop.launching.description import environment, node_action
from spikeloop.nodes.registry import node_type


@pytest.fixture
def nodes(request: pytest.FixtureRequest) -> dict[str, Node]:
    """Launch actions of nodes, by name; the (indirect) parameter maps names to parameters."""
    return {
        name: node_action(name, [parameters] if parameters else [], cached_output=True)
        for name, parameters in request.param.items()
    }


@pytest.fixture
def description(nodes: dict[str, Node]) -> LaunchDescription:
    """Launches the nodes, with the transport that suits their topics."""
    kinds = [node_type(name) for name in nodes]
    topics = [
        name for kind in kinds for part in kind.wiring(kind.config_type())[:2] for name in part
    ]
    return LaunchDescription([*environment(topics), *nodes.values()])


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
