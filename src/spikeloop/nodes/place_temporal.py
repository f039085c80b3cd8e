"""Place recognition by an ensemble of spiking networks with temporal code (slot `place`)."""

from __future__ import annotations

from spikeloop.nodes.place_node import PlaceNode
from spikeloop.nodes.running import run_node


class PlaceTemporalNode(PlaceNode):
    """See `spikeloop.perception.place.temporal`."""

    text = "The place on a map by spiking networks, one amplitude-coded spike a neuron."
    method = "temporal"


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(PlaceTemporalNode, args)
