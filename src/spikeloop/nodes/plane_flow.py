"""Flow from events without a network (slot `flow`): see `perception.flow.planes`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import Image

from spikeloop.events.array import Events, Triggers, joined
from spikeloop.nodes.event_node import EventNode, Output
from spikeloop.nodes.event_packets import bytes_of
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.parameters import parameter
from spikeloop.perception.flow.planes import PlaneFlow, PlaneFlowConfig

FLOW = "perception/flow"


@dataclass(frozen=True)
class PlaneFlowNodeConfig(PlaneFlowConfig):
    """The planes, which events it sees, and how often it tells."""

    source: str = parameter(
        "events",
        "Which events: as the camera gives them, or slices.",
        choices=("events", "slices"),
        fixed=True,
    )
    period: float = parameter(
        0.02, "Time between two outputs, by stamps.", unit="s", low=0.001, high=10.0, fixed=True
    )


class PlaneFlowNode(EventNode):
    """Events in, flow at the pixels that had some since the last output."""

    slot = "flow"
    text = "Flow from planes through the times of neighbouring events, pooled in tiles."
    config_type = PlaneFlowNodeConfig
    publishes = (FLOW,)
    config: PlaneFlowNodeConfig

    @classmethod
    def source_of(cls, config: PlaneFlowNodeConfig) -> str:
        """The camera's events, or slices of them."""
        return f"event_camera/{config.source}"

    def reset(self) -> None:
        """No event yet."""
        self._planes: PlaneFlow | None = None
        self._size = (0, 0)
        self._parts: list[Events] = []
        self._told = 0

    def stream_restarted(self) -> None:
        """Forget the times of events."""
        self._planes = None

    def feed(self, events: Events, triggers: Triggers, stamp_ns: int) -> list[Output]:
        """Keep the events; work out the flow when it is due."""
        size = (events.width, events.height)
        if self._planes is None or size != self._size:
            self._planes, self._size = PlaneFlow(*size, self.config), size
            self._parts = []
        self._parts.append(events)
        if self.lockstep is None and not self._is_due(stamp_ns):
            return []
        whole, self._parts = joined(self._parts), []
        flow = self._planes.feed(whole)
        self._told = int(np.isfinite(flow[..., 0]).sum())
        image = Image(height=size[1], width=size[0], encoding="32FC2", step=8 * size[0])
        image.data = bytes_of(flow.astype("<f4", copy=False).reshape(-1).view(np.uint8))
        image.header.frame_id = self.reader.frame_id
        return [Output(FLOW, image, stamp_ns)]

    def empty(self, name: str) -> Message:
        """A picture without pixels."""
        return Image(encoding="32FC2")

    def figures(self) -> dict[str, str]:
        """How many pixels had flow last."""
        return {"pixels with flow": str(self._told)}


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(PlaneFlowNode, args)
