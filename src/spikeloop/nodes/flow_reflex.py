"""Steering and stopping by flow (slot `controller`), without a map: see `control.flow_reflex`."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import TwistStamped
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.control.flow_reflex.config import FlowReflexConfig
from spikeloop.control.flow_reflex.flow_reflex import FlowReflex
from spikeloop.metrics.energy import Counts, operation_energy
from spikeloop.msg import LoopCost, SpikeRecord
from spikeloop.nodes.commands import no_twist, twist_of
from spikeloop.nodes.flows import flow_of
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import InputError, SlotNode
from spikeloop.parameters import parameter

FLOW, IMU = "perception/flow", "imu/data"
MOTORS = ("turn left", "turn right", "stop")


@dataclass(frozen=True)
class FlowReflexNodeConfig(FlowReflexConfig):
    """The reflex, and how often it decides."""

    period: float = parameter(
        0.02, "Time between two commands.", unit="s", low=1e-3, high=1.0, fixed=True
    )
    forget_after: float = parameter(
        0.3,
        "After so long without flow, by stamps, what was seen before is forgotten.",
        unit="s",
        low=1e-3,
        high=60.0,
    )

    def __post_init__(self) -> None:
        """Refuse an odd number of bands, and to forget between two commands."""
        super().__post_init__()
        if self.forget_after <= self.period:
            raise ValueError(
                f"forget_after ({self.forget_after:g} s) must be longer than period "
                f"({self.period:g} s)"
            )


class FlowReflexNode(SlotNode):
    """Flow of a camera that looks ahead and the turn rate in; forward speed and turn rate out."""

    slot = "controller"
    text = "Spiking reflex: keeps to the middle by the balance of flow, stops before what looms."
    config_type = FlowReflexNodeConfig
    publishes = ("cmd_vel_raw", "loop/cost", "loop/spikes")
    joins = (FLOW, IMU)
    config: FlowReflexNodeConfig

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Build the network; its compiled step comes from the disk after the first time."""
        self.reflex = FlowReflex(self.config)
        self.reflex.decide(np.zeros((4, self.config.bands, 2), np.float32), 0.0, self.config.period)
        return super().on_configure(state)

    def reset(self) -> None:
        """Bring all membranes to rest."""
        self.reflex.reset()
        self._last_ns = 0

    def config_changed(self) -> None:
        """New gains hold from the next decision on; the membranes stay as they are."""
        self.reflex.config = self.config

    def answer(self, stamp_ns: int, inputs: dict[str, Message]) -> dict[str, Message]:
        """One decision."""
        if IMU not in inputs:
            raise InputError(f"{IMU}: none has come yet")
        since_ns, self._last_ns = stamp_ns - self._last_ns, stamp_ns
        if not 0 < since_ns <= self.config.forget_after * 1e9:
            self.reflex.reset()
        flow = flow_of(FLOW, inputs[FLOW])
        turning = float(inputs[IMU].angular_velocity.z)
        speed, rate = self.reflex.decide(flow, turning, self.config.period)
        command = TwistStamped(twist=twist_of((speed, 0.0, 0.0, 0.0, 0.0, rate)))
        command.header.frame_id = "base_link"
        cost, name = self.reflex.cost, self.get_fully_qualified_name()
        energy = operation_energy(Counts(acs=cost.accumulates))
        return {
            "cmd_vel_raw": command,
            "loop/cost": LoopCost(
                node=name,
                spikes=cost.spikes,
                accumulates=cost.accumulates,
                energy=energy.joules,
                energy_model=energy.model,
            ),
            "loop/spikes": SpikeRecord(
                node=name,
                layers=("bands", "motor"),
                sizes=[self.config.bands, len(MOTORS)],
                fired=array("I", np.flatnonzero(self.reflex.fired).tolist()),
                outputs=MOTORS,
                potentials=self.reflex.membranes[self.config.bands :].tolist(),
            ),
        }

    def empty(self, name: str) -> Message:
        """The answer without a command: an input can't be trusted."""
        return no_twist() if name == "cmd_vel_raw" else super().empty(name)


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(FlowReflexNode, args)
