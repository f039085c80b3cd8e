"""EventPackets in and out: decoding that tells what is lost, and packets of our own."""

from __future__ import annotations

from array import array
from collections import Counter

import numpy as np
from event_camera_msgs.msg import EventPacket
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.codecs import PacketDecoder
from spikeloop.events.encoder import EncodingError
from spikeloop.events.packet_encoder import PacketEncoder
from spikeloop.loop.health import Level
from spikeloop.msg import EventTriggers
from spikeloop.nodes.diagnosing import Diagnoser
from spikeloop.nodes.messages import Message

EVT = ("evt2", "evt21", "evt3")


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

    def __init__(self, topic: str, diagnoser: Diagnoser) -> None:
        """Wait for the first packet."""
        self._topic, self._diagnoser = topic, diagnoser
        self._decoder = PacketDecoder()
        self._told: Counter[str] = Counter()
        self.events = self.packets = self.bad = 0
        self.frame_id = self.encoding = ""
        self.size = (0, 0)

    @property
    def restarts(self) -> int:
        """Times that the stream began anew, so that time may have fallen."""
        return self._decoder.restarts

    @property
    def lost(self) -> int:
        """Packets missing by their numbers."""
        return self._decoder.lost

    def read(self, message: Message) -> tuple[Events, Triggers] | None:
        """Events and triggers of a packet; None, and it is told, where it can't be read."""
        self.packets += 1
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


class PacketWriter:
    """Makes the packets of one topic, numbered without gaps, each to be read by itself."""

    def __init__(self, diagnoser: Diagnoser, encoding: str = "") -> None:
        """Choose the encoding; empty for evt3 where that holds everything, else mono."""
        self._diagnoser, self._wanted = diagnoser, encoding
        self._encoder: PacketEncoder | None = None
        self._seq = 0
        self.events = 0

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
