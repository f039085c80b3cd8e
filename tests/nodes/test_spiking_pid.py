"""The spiking controller over the wire: its commands are the core's, and each decision has a cost."""

from __future__ import annotations

import math
from typing import Any

import launch_pytest
import numpy as np
import pytest
from actuator_msgs.msg import Actuators
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from launch_pytest.tools.process import wait_for_exit_sync
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Range
from spikeloop.msg import LoopCost

from spikeloop.control.spiking_pid.network import SpikingPid
from spikeloop.control.spiking_pid.storage import load_weights


class _Wire:
    """Altimeter and set-point in, commands and costs out."""

    def __init__(self, peer: Any) -> None:
        self.peer = peer
        self.commands: list[tuple[float, ...]] = []
        self.costs: list[Any] = []
        self.told: list[str] = []
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.altitude = peer.node.create_publisher(Range, "altitude", 5)
        self.setpoint = peer.node.create_publisher(PoseStamped, "setpoint", latched)
        hear = peer.node.create_subscription
        self.hearing = [
            hear(Actuators, "actuators_raw", self._keep, 10),
            hear(LoopCost, "loop/cost", self.costs.append, 100),
        ]
        peer.node.create_subscription(
            DiagnosticArray,
            "/diagnostics",
            lambda m: self.told.extend(s.message for s in m.status if s.name == "/spiking_pid"),
            100,
        )

    def _keep(self, message: Actuators) -> None:
        self.commands.append(tuple(message.normalized))

    def aim(self, height: float) -> None:
        message = PoseStamped()
        message.pose.position.z = height
        message.header.stamp = self.peer.node.get_clock().now().to_msg()
        self.setpoint.publish(message)

    def send(self, height: float) -> None:
        """Send an altitude, and wait for the command that it causes."""
        seen = len(self.commands)
        message = Range(min_range=0.1, max_range=12.0, range=height)
        message.header.stamp = self.peer.node.get_clock().now().to_msg()
        self.altitude.publish(message)
        self.peer.wait(lambda: len(self.commands) > seen)

    def connect(self) -> None:
        """Wait for the node, aim at 2 m, and send 1.5 m until commands come."""
        self.peer.join("spiking_pid", [self.altitude, self.setpoint, *self.hearing])
        self.aim(2.0)
        self.peer.wait(lambda: self.send(1.5) or self.commands[-1])


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


def _node(**parameters: Any) -> pytest.MarkDecorator:
    """The node with some parameters, so quick that no measurement is left out."""
    every = [{"spiking_pid": {"period": 0.0001, **parameters}}]
    return pytest.mark.parametrize("nodes", every, indirect=True, ids=["spiking_pid"])


@pytest.mark.launch(fixture=launched)
@_node(actuators=2, actuator=1)
def test_commands_are_those_of_the_core_and_each_has_its_cost(nodes: Any, peer: Any) -> None:
    wire = _Wire(peer)
    wire.connect()
    before = sum(bool(command) for command in wire.commands)
    heights = [float(np.float32(1.5 + 0.01 * k)) for k in range(30)]
    for height in heights:
        wire.send(height)
    core = SpikingPid(load_weights("spiking_pid_blimp"))
    expected = [core.update(2.0 - height) for height in [1.5] * before + heights]
    given = [command for command in wire.commands if command]
    assert [command[1] for command in given] == expected
    assert all(command[0] == 0.0 for command in given)
    cost = peer.wait(lambda: len(wire.costs) >= len(given) and wire.costs[-1])
    assert cost.node == "/spiking_pid" and cost.multiply_accumulates == 80
    assert cost.spikes == core.cost.spikes and cost.accumulates == core.cost.synaptic_operations
    assert cost.energy == pytest.approx(core.cost.energy_j) and "pJ" in cost.energy_model


@pytest.mark.launch(fixture=launched)
@_node()
def test_a_measurement_that_isnt_finite_gives_the_empty_command(nodes: Any, peer: Any) -> None:
    wire = _Wire(peer)
    wire.connect()
    wire.send(math.nan)
    assert wire.commands[-1] == ()
    peer.wait(lambda: any("altitude" in text for text in wire.told))


@pytest.mark.launch(fixture=launched)
@_node(weights="spiking_pid_blmp")
def test_unknown_weights_are_named(nodes: Any, launch_context: Any) -> None:
    process = nodes["spiking_pid"]
    assert wait_for_exit_sync(launch_context, process, timeout=15)
    assert process.return_code == 1
    text = process.get_stderr()
    assert "parameter 'weights': unknown weights 'spiking_pid_blmp' (did you mean" in text
    assert "Traceback" not in text
