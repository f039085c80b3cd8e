"""Answers every Imu and every event packet at once (slot `echo`): what a node itself costs."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.nodes.messages import Message, stamp_of
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import SlotNode


@dataclass(frozen=True)
class EchoConfig:
    """It has no parameters of its own."""


class EchoNode(SlotNode):
    """Sends each message on, with its stamp; the benchmark of the runtime measures it."""

    slot = "echo"
    text = "Sends each Imu and event packet on at once; measures what a node costs."
    config_type = EchoConfig
    publishes = ("echo/imu", "echo/events")
    subscribes = ("imu/data", "event_camera/events")

    def on_message(self, name: str, message: Message) -> None:
        """Send it on."""
        output = "echo/imu" if name == "imu/data" else "echo/events"
        self.publish(output, message, stamp_of(message))


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(EchoNode, args)
