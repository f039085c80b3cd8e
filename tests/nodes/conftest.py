"""Real node processes, and a real rclpy node of the test to talk to them."""

from __future__ import annotations

import pytest
from launch_ros.actions import Node

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
