"""Place recognition by sums of absolute differences (slot `place`), the conventional way."""

from __future__ import annotations

from spikeloop.nodes.place_node import PlaceNode
from spikeloop.nodes.running import run_node


class PlaceSadNode(PlaceNode):
    """See `spikeloop.perception.place.baselines.edge_differences`."""

    text = "The place on a map by absolute differences between the edges of pictures."
    method = "sad"


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(PlaceSadNode, args)
