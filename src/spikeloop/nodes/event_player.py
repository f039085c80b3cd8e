"""Plays a recording of an event camera (slot `event_camera`): packet by packet, as recorded."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from event_camera_msgs.msg import EventPacket

from spikeloop.events.recording import Packet, Recording
from spikeloop.nodes.event_packets import LAST_PACKET
from spikeloop.nodes.playing import PlayerNode, Timed
from spikeloop.nodes.running import run_node
from spikeloop.parameters import parameter

TOPIC = "event_camera/events"


@dataclass(frozen=True)
class EventPlayerConfig:
    """What is played, and how fast."""

    file: str = parameter("", "Recording: a rosbag2 folder.", fixed=True)
    topic: str = parameter("", "Topic in it; empty for the only one of events.", fixed=True)
    rate: float = parameter(
        1.0, "How many times as fast as recorded.", low=0.001, high=1000.0, fixed=True
    )
    loop: bool = parameter(False, "Begin again at the end.", fixed=True)
    readers: int = parameter(
        0, "Wait for so many subscribers before the first packet.", low=0, high=100, fixed=True
    )
    now: bool = parameter(
        True, "Stamp headers with the time of playing; false keeps the recorded stamps.", fixed=True
    )


class EventPlayerNode(PlayerNode):
    """One EventPacket out for each recorded, at its time; events keep the sensor's time."""

    slot = "event_camera"
    text = "Plays a recording at its pace, with rate, loop and pause."
    config_type = EventPlayerConfig
    publishes = (TOPIC,)
    config: EventPlayerConfig

    def open_file(self) -> None:
        """Look at the recording's topics."""
        self.recording = Recording(Path(self.config.file), self.config.topic)

    def items(self) -> Iterator[Timed[Packet]]:
        """The packets by the time at which they were recorded."""
        for packet in self.recording.packets():
            yield packet.received_ns, packet

    def give(self, packet: Packet, stamp_ns: int) -> None:
        """Publish a packet as it was recorded, but for its stamp."""
        message = self._message(packet)
        self.publish(TOPIC, message, stamp_ns if self.config.now else packet.stamp_ns)
        self.diagnoser.values |= {
            "packets": str(self.player.played + 1),
            LAST_PACKET + self._publishers_by_topic[TOPIC].topic_name: str(packet.seq),
        }

    def _message(self, packet: Packet) -> EventPacket:
        message = EventPacket(
            height=packet.height,
            width=packet.width,
            seq=packet.seq,
            time_base=packet.time_base,
            encoding=packet.encoding,
            is_bigendian=packet.is_bigendian,
            events=array("B", packet.data),
        )
        message.header.frame_id = packet.frame_id
        return message


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(EventPlayerNode, args)
