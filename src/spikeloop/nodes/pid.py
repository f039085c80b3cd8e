"""Altitude by a conventional PID (slot `controller`): the reference of the spiking ones."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from actuator_msgs.msg import Actuators
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.pid import Pid
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import InputError, SlotNode
from spikeloop.parameters import parameter


@dataclass(frozen=True)
class PidNodeConfig(PidConfig):
    """The PID's gains, and which of the robot's actuators it drives."""

    actuators: int = parameter(3, "How many actuators the robot has.", low=1, high=64, fixed=True)
    actuator: int = parameter(
        0, "Index of the actuator that moves the robot up; the others get 0.", low=0, high=63
    )

    def __post_init__(self) -> None:
        """Refuse an actuator that isn't there.

        Raises:
            ValueError: `actuator` isn't below `actuators`, or the limits are in the wrong order.

        """
        super().__post_init__()
        if self.actuator >= self.actuators:
            raise ValueError(
                f"actuator ({self.actuator}) must be below actuators ({self.actuators})"
            )


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
        command = [0.0] * self.config.actuators
        command[self.config.actuator] = thrust
        return {"actuators_raw": Actuators(normalized=array("d", command))}


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(PidNode, args)
