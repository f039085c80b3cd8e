"""Altitude by a conventional PID (slot `controller`): the reference of the spiking ones."""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.pid import Pid
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import InputError, SlotNode
from spikeloop.nodes.vertical_actuator import VerticalActuatorConfig


@dataclass(frozen=True)
class PidNodeConfig(VerticalActuatorConfig, PidConfig):
    """The PID's gains, and which of the robot's actuators it drives."""

    def __post_init__(self) -> None:
        """Refuse limits in the wrong order, and an actuator that isn't there."""
        PidConfig.__post_init__(self)
        VerticalActuatorConfig.__post_init__(self)


class PidNode(SlotNode):
    """Height above ground and set-point in, thrust of the vertical actuator out."""

    slot = "controller"
    text = "PID on altitude, derivative on measurement, conditional anti-windup."
    config_type = PidNodeConfig
    publishes = ("actuators_raw",)
    joins = ("altitude", "setpoint")
    config: PidNodeConfig

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Build the controller."""
        self.pid = Pid(self.config)
        return super().on_configure(state)

    def reset(self) -> None:
        """Forget integral and derivative."""
        self.pid.reset()

    def config_changed(self) -> None:
        """New gains hold from the next decision on; the integral stays."""
        self.pid.config = self.config

    def answer(self, stamp_ns: int, inputs: dict[str, Message]) -> dict[str, Message]:
        """One decision."""
        if "setpoint" not in inputs:
            raise InputError("setpoint: none has come yet")
        altitude, wanted = inputs["altitude"].range, inputs["setpoint"].pose.position.z
        thrust = self.pid.update(wanted, altitude, self.config.period)
        return {"actuators_raw": self.config.command(thrust)}


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(PidNode, args)
