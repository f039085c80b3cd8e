"""From place to place by three spiking controllers (slot `controller`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.control.pid.tour import AXES, Tour, TourConfig
from spikeloop.installed import UnknownWeightsError
from spikeloop.loop.health import Level
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.nodes.spiking_account import cost_of, spikes_of
from spikeloop.nodes.touring import TouringNode
from spikeloop.parameters import parameter

if TYPE_CHECKING:
    from spikeloop.control.spiking_pid.controllers import Spiking

_WHAT = "Networks of the {}, by the name of a file in weights/ or by the path of an .npz."


@dataclass(frozen=True)
class TourSpikingPidConfig(TourConfig):
    """The three spiking controllers."""

    up: str = parameter("spiking_pid_blimp", _WHAT.format("altitude"), fixed=True)
    forward: str = parameter("spiking_pid_tour_forward", _WHAT.format("way ahead"), fixed=True)
    turn: str = parameter("spiking_pid_tour_turn", _WHAT.format("heading"), fixed=True)


class TourSpikingPidNode(TouringNode):
    """Localisation and place in, thrusters and what they cost out."""

    text = "Flies a blimp from place to place by spiking controllers of altitude, way and heading."
    config_type = TourSpikingPidConfig
    publishes = ("actuators_raw", "loop/cost", "loop/spikes")
    config: TourSpikingPidConfig

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the networks; their compiled ticks come from the disk after the first time."""
        from spikeloop.control.spiking_pid.controllers import load_controller
        from spikeloop.control.spiking_pid.storage import BadWeightsError

        self.controllers: list[Spiking] = []
        for axis in AXES:
            try:
                self.controllers.append(load_controller(getattr(self.config, axis)))
            except (UnknownWeightsError, BadWeightsError) as error:
                self.diagnoser.report(Level.ERROR, f"parameter '{axis}': {error}")
                return TransitionCallbackReturn.FAILURE
        self.tour = Tour(self.config, self.controllers)
        return super().on_configure(state)

    def account(self) -> dict[str, Message]:
        """Cost and spikes of the three together."""
        return {
            "loop/cost": cost_of(self, self.controllers),
            "loop/spikes": spikes_of(self, self.controllers, AXES),
        }


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(TourSpikingPidNode, args)
