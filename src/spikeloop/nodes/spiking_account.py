"""What spiking controllers tell of a decision: its cost, and who fired."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spikeloop.msg import LoopCost, SpikeRecord
from spikeloop.nodes.slot import SlotNode

if TYPE_CHECKING:
    from spikeloop.control.spiking_pid.controllers import Spiking

ENERGY_MODEL = "45 nm: 4.6 pJ a multiply-accumulate, 0.9 pJ an accumulate"


def cost_of(node: SlotNode, controllers: Sequence[Spiking]) -> LoopCost:
    """The cost of a decision of some controllers together."""
    costs = [controller.cost for controller in controllers]
    return LoopCost(
        node=node.get_fully_qualified_name(),
        spikes=sum(cost.spikes for cost in costs),
        accumulates=sum(cost.synaptic_operations for cost in costs),
        multiply_accumulates=sum(cost.macs for cost in costs),
        energy=sum(cost.energy_j for cost in costs),
        energy_model=ENERGY_MODEL,
    )


def spikes_of(
    node: SlotNode, controllers: Sequence[Spiking], labels: Sequence[str] = ()
) -> SpikeRecord:
    """Who fired in a decision, and the outputs; each controller's names after its label."""
    layers: list[str] = []
    sizes: list[int] = []
    fired: list[int] = []
    outputs: list[str] = []
    potentials: list[float] = []
    for index, controller in enumerate(controllers):
        label = f"{labels[index]} " if labels else ""
        first = sum(sizes)
        layers += [f"{label}{name}" for name in controller.layers]
        sizes += [len(controller.spikes) // len(controller.layers)] * len(controller.layers)
        fired += [first + int(neuron) for neuron in controller.spikes.nonzero()[0]]
        outputs += [f"{label}{name}" for name in controller.output_names]
        potentials += controller.outputs
    return SpikeRecord(
        node=node.get_fully_qualified_name(),
        layers=layers,
        sizes=sizes,
        fired=fired,
        outputs=outputs,
        potentials=potentials,
    )
