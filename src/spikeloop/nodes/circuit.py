"""The swimming circuit of a worm (slot `controller`): see `control.circuit`."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.loop.health import Level
from spikeloop.msg import LoopCost, SpikeRecord
from spikeloop.nodes.observing import ObservingNode
from spikeloop.nodes.running import run_node
from spikeloop.nodes.spiking_account import ENERGY_MODEL
from spikeloop.parameters import parameter

if TYPE_CHECKING:
    from spikeloop.control.circuit.controller import Controller


@dataclass(frozen=True)
class CircuitConfig:
    """Which circuit swims, and in what body."""

    links: int = parameter(3, "Links of the swimmer.", low=3, high=64, fixed=True)
    weights: str = parameter(
        "circuit",
        "Circuits, by the name of a file in weights/ or the path of an .npz.",
        fixed=True,
    )
    circuit: str = parameter(
        "gymnasium 3/proprioceptive/1",
        "Which of the circuits in that file: body, kind, training seed. It may have learned in "
        "a body of another length.",
        fixed=True,
    )
    cycle: float = parameter(
        80.0,
        "Period of the oscillator, if the circuit has one, in decisions.",
        low=2.0,
        high=10000.0,
        fixed=True,
    )
    forget_after: float = parameter(
        0.5,
        "After a longer pause the circuit begins at rest.",
        unit="s",
        low=0.0,
        high=60.0,
    )
    period: float = parameter(
        0.04,
        "Time of a decision, and the least between two.",
        unit="s",
        low=1e-3,
        high=60.0,
        fixed=True,
    )

    @property
    def size(self) -> int:
        """Values of an observation."""
        return 2 * self.links + 2


class CircuitNode(ObservingNode):
    """Observation in, torques and their cost out."""

    text = "Swimming circuit of C. elegans with spiking neurons: four weights for any length."
    config_type = CircuitConfig
    config: CircuitConfig
    controller: Controller

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the weights."""
        from spikeloop.control.circuit.controller import Controller
        from spikeloop.control.circuit.storage import circuit_of, read

        config = self.config
        try:
            kind, weights = circuit_of(read(config.weights), config.circuit)
            self.controller = Controller(kind, weights, config.links, config.cycle, config.period)
        except ValueError as error:
            self.diagnoser.report(Level.ERROR, f"parameters 'weights' and 'circuit': {error}")
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def cost(self) -> LoopCost:
        """See `ObservingNode`."""
        counts = self.controller.counts
        return LoopCost(
            node=self.get_fully_qualified_name(),
            spikes=self.controller.spikes,
            accumulates=round(counts.acs),
            multiply_accumulates=round(counts.macs),
            energy=self.controller.energy_j,
            energy_model=ENERGY_MODEL,
        )

    def spikes(self) -> SpikeRecord:
        """See `ObservingNode`."""
        joints = self.controller.joints
        return SpikeRecord(
            node=self.get_fully_qualified_name(),
            layers=("sensors", "motor neurons"),
            sizes=(2 * joints, 2 * joints),
            fired=self.controller.fired(),
            outputs=[f"torque {index}" for index in range(joints)],
            potentials=array("f", self.controller.torques.tolist()),
        )


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(CircuitNode, args)
