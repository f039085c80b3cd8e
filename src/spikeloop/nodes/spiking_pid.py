"""Altitude by two spiking networks (slot `controller`): see `spikeloop.control.spiking_pid`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.control.spiking_pid.config import SpikingPidConfig
from spikeloop.installed import UnknownWeightsError
from spikeloop.loop.health import Level
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import InputError, SlotNode
from spikeloop.nodes.spiking_account import cost_of, spikes_of
from spikeloop.nodes.vertical_actuator import VerticalActuatorConfig

if TYPE_CHECKING:
    from spikeloop.control.spiking_pid.controllers import Spiking


@dataclass(frozen=True)
class SpikingPidNodeConfig(VerticalActuatorConfig, SpikingPidConfig):
    """The networks, and which of the robot's actuators they drive."""

    def __post_init__(self) -> None:
        """Refuse what the networks' own config refuses, and an actuator that isn't there."""
        SpikingPidConfig.__post_init__(self)
        VerticalActuatorConfig.__post_init__(self)


class SpikingPidNode(SlotNode):
    """Height above ground and set-point in, thrust of the vertical actuator and its cost out."""

    slot = "controller"
    text = "Spiking networks on the altitude error, evolved or made to replace a PID."
    config_type = SpikingPidNodeConfig
    publishes = ("actuators_raw", "loop/cost", "loop/spikes")
    joins = ("altitude", "setpoint")
    config: SpikingPidNodeConfig

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the networks; their compiled tick comes from the disk after the first time."""
        from spikeloop.control.spiking_pid.controllers import load_controller
        from spikeloop.control.spiking_pid.storage import BadWeightsError

        config = self.config
        try:
            self.controller: Spiking = load_controller(
                config.weights, config.output_low, config.output_high, config.without
            )
        except (UnknownWeightsError, BadWeightsError) as error:
            self.diagnoser.report(Level.ERROR, f"parameter 'weights': {error}")
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def reset(self) -> None:
        """Bring all membranes to rest."""
        self.controller.reset()
        self._wanted: float | None = None

    def config_changed(self) -> None:
        """New limits hold from the next decision on; the membranes stay as they are."""
        self.controller.low, self.controller.high = self.config.output_low, self.config.output_high

    def answer(self, stamp_ns: int, inputs: dict[str, Message]) -> dict[str, Message]:
        """One decision."""
        if "setpoint" not in inputs:
            raise InputError("setpoint: none has come yet")
        wanted = inputs["setpoint"].pose.position.z
        jump = 0.0 if self._wanted is None else wanted - self._wanted
        thrust = self.controller.update(wanted - inputs["altitude"].range, jump)
        self._wanted = wanted
        return {
            "actuators_raw": self.config.command(thrust),
            "loop/cost": cost_of(self, [self.controller]),
            "loop/spikes": spikes_of(self, [self.controller]),
        }


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(SpikingPidNode, args)
