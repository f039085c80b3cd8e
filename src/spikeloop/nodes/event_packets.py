"""EventPackets in and out: decoding that tells what is lost, and packets of our own."""

from __future__ import annotations

import time
from array import array
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from event_camera_msgs.msg import EventPacket
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.codecs import PacketDecoder
from spikeloop.events.encoder import EncodingError
from spikeloop.events.packet_encoder import PacketEncoder
from spikeloop.loop.health import Level
from spikeloop.loop.slots import topic
from spikeloop.msg import EventTriggers
from spikeloop.nodes.diagnosing import Diagnoser
from spikeloop.nodes.messages import Message, qos_profile

if TYPE_CHECKING:
    from spikeloop.nodes.slot import SlotNode

EVT = ("evt2", "evt21", "evt3")
LAST_PACKET = "last packet "
"""Before the full name of a topic: key under which its publisher tells the last packet's number."""
OVERDUE_S = 5.0
"""A packet that was sent is lost if it isn't here by then: longer than a transport repairs."""


def bytes_of(data: NDArray[np.uint8]) -> array[int]:
    """As the field of a message takes it, in one copy."""
    out = array("B")
    out.frombytes(data.data)
    return out


def triggers_message(triggers: Triggers, frame_id: str) -> EventTriggers:
    """Triggers as a message, without its stamp."""
    times = 1000 * triggers.t
    if triggers.fine is not None:
        times += triggers.fine
    message = EventTriggers(
        time=array("q", times.tobytes()),
        channel=array("H", triggers.channel.astype(np.uint16, copy=False).tobytes()),
        value=bytes_of(triggers.value),
    )
    message.header.frame_id = frame_id
    return message


class PacketReader:
    """Decodes the packets of one topic, and tells what was lost, left out or begun anew.

    Attributes:
        events: how many it has read.
        packets: of so many packets.
        bad: packets that couldn't be read.
        frame_id: of the last one.
        encoding: of the last one.
        restarts: times that the stream began anew.

    """

    def __init__(self, name: str, diagnoser: Diagnoser) -> None:
        """Wait for the first packet of topic `name`."""
        self._topic, self._diagnoser = name, diagnoser
        self._decoder = PacketDecoder()
        self._told: Counter[str] = Counter()
        self.events = self.packets = self.bad = 0
        self.frame_id = self.encoding = ""
        self.size = (0, 0)
        self._newest = self._overdue = 0
        self._waiting_since: float | None = None

    @property
    def restarts(self) -> int:
        """Times that the stream began anew, so that time may have fallen."""
        return self._decoder.restarts

    @property
    def lost(self) -> int:
        """Packets missing by their numbers, those behind the newest one included."""
        return self._decoder.lost + self._overdue

    @property
    def left_out(self) -> dict[str, int]:
        """What the decoder left out, by reason."""
        return self._decoder.counts

    def expect(self, seq: int, now_s: float) -> None:
        """The publisher has sent packet `seq`: what doesn't come in time is lost.

        Numbers alone show a loss at the next packet, so never at the end of a stream. What comes
        after all is no longer counted.
        """
        if not self.packets or seq <= self._newest:
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = now_s
        elif now_s - self._waiting_since >= OVERDUE_S and seq - self._newest > self._overdue:
            self._overdue = seq - self._newest
            self._diagnoser.report(
                Level.WARN,
                f"{self._topic}: packets lost, that their sender has sent: {self.lost} so far",
            )

    def read(self, message: Message) -> tuple[Events, Triggers] | None:
        """Events and triggers of a packet; None, and it is told, where it can't be read."""
        self.packets += 1
        self._newest, self._overdue, self._waiting_since = message.seq, 0, None
        try:
            events, triggers = self._decoder.decode(
                message.encoding,
                message.width,
                message.height,
                message.seq,
                memoryview(message.events),
                big_endian=message.is_bigendian,
                time_base=message.time_base,
            )
        except ValueError as error:
            self.bad += 1
            self._diagnoser.report(Level.ERROR, f"{self._topic}: {error}")
            return None
        self.frame_id, self.encoding = message.header.frame_id, message.encoding
        self.size = (events.width, events.height)
        self.events += len(events)
        self._tell()
        return events, triggers

    def values(self) -> dict[str, str]:
        """Figures for the diagnostics."""
        return {
            "packets": str(self.packets),
            "lost packets": str(self.lost),
            "bad packets": str(self.bad),
            "events in": str(self.events),
        }

    def _tell(self) -> None:
        now = Counter(self._decoder.counts)
        now["packets lost, by their numbers"] = self._decoder.lost
        now["times the stream began anew, time with it"] = self._decoder.restarts
        for what, count in now.items():
            if count > self._told[what]:
                self._diagnoser.report(Level.WARN, f"{self._topic}: {what}: {count} so far")
        self._told = now


class Announcements:
    """Hears on /diagnostics how far the sender of a topic is, and tells that topic's reader."""

    def __init__(self, node: SlotNode, topic_name: str, reader: PacketReader) -> None:
        """Listen; `topic_name` is the topic's full name."""
        self._node, self._key, self._reader = node, LAST_PACKET + topic_name, reader
        self._subscription = node.create_subscription(
            DiagnosticArray, "/diagnostics", self._hear, qos_profile(topic("/diagnostics").qos)
        )

    def close(self) -> None:
        """Listen no more."""
        self._node.destroy_subscription(self._subscription)

    def _hear(self, message: Message) -> None:
        for status in message.status:
            for pair in status.values:
                if pair.key == self._key and pair.value.isdecimal():
                    self._reader.expect(int(pair.value), time.monotonic())


class PacketWriter:
    """Makes the packets of one topic, numbered without gaps, each to be read by itself."""

    def __init__(self, diagnoser: Diagnoser, encoding: str = "") -> None:
        """Choose the encoding; empty for evt3 where that holds everything, else mono."""
        self._diagnoser, self._wanted = diagnoser, encoding
        self._encoder: PacketEncoder | None = None
        self._seq = 0
        self.events = 0

    def values(self, topic_name: str) -> dict[str, str]:
        """Figures for the diagnostics, by which readers know what they miss."""
        return {"events out": str(self.events), LAST_PACKET + topic_name: str(self._seq)}

    def restart(self) -> None:
        """The stream begins anew: earlier times may come."""
        if self._encoder is not None:
            self._encoder.reset()

    def encoding(self, source: str, events: Events) -> str:
        """The encoding for events that came in encoding `source`."""
        if self._wanted:
            return self._wanted
        small = max(events.width, events.height) <= 2048 and events.fine is None
        return "evt3" if source in EVT and small else "mono"

    def write(
        self, events: Events, triggers: Triggers, frame_id: str, source: str = "evt3"
    ) -> EventPacket:
        """The next packet, without its stamp.

        Times that the encoding can't hold start the stream anew, which is told.

        Raises:
            EncodingError: it can't hold these events at all.

        """
        encoding = self.encoding(source, events)
        encoder = self._encoder
        size = (events.width, events.height)
        if encoder is None or (encoder.width, encoder.height, encoder.encoding) != (
            *size,
            encoding,
        ):
            encoder = self._encoder = PacketEncoder(*size, encoding)
        kept = triggers if encoding == "evt3" else Triggers.none()
        try:
            encoded = encoder.encode(events, kept)
        except EncodingError as error:
            self._diagnoser.report(Level.WARN, f"the output begins anew: {error}")
            encoder.reset()
            encoded = encoder.encode(events, kept)
        self._seq += 1
        self.events += len(events)
        message = EventPacket(
            height=events.height,
            width=events.width,
            seq=self._seq,
            time_base=encoded.time_base,
            encoding=encoding,
            events=bytes_of(encoded.data),
        )
        message.header.frame_id = frame_id
        return message
