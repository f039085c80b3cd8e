"""Bags of ROS 2 and ROS 1 as a source of events: their packets, decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from spikeloop.events.codecs import PacketDecoder
from spikeloop.events.files.source import FileError, Piece, Source
from spikeloop.events.recording import Recording


class BagSource(Source):
    """A topic of a bag.

    Attributes:
        recording: the packets, not decoded.
        packets: how many the last reading gave.
        first_ns, last_ns: when the first and the last of them were received.

    """

    def __init__(self, path: Path, width: int = 0, height: int = 0, topic: str = "") -> None:
        """Open the recording, and look at its first packet.

        Raises:
            RecordingError: it can't be read, or has no such topic.

        """
        super().__init__(path, width, height)
        self.recording = Recording(path, topic)
        self.packets, self.first_ns, self.last_ns = 0, 0, 0
        self._given = (width, height)
        packet = next(self.recording.packets(), None)
        encoding = "no packets"
        if packet is not None:
            encoding = packet.encoding
            self.width, self.height = packet.width or width, packet.height or height
        self.format = "bag"
        self.notes |= {
            "topic": self.recording.topic,
            "type": self.recording.kind,
            "encoding": encoding,
        }

    def pieces(self) -> Iterator[Piece]:
        """Events and triggers, packet by packet."""
        decoder = PacketDecoder()
        self.packets = 0
        for packet in self.recording.packets():
            width, height = packet.width, packet.height
            if width == height == 0:
                width, height = self._given
            try:
                piece = decoder.decode(
                    packet.encoding, width, height, packet.seq, packet.data,
                    big_endian=packet.is_bigendian, time_base=packet.time_base,
                )  # fmt: skip
            except ValueError as error:
                raise FileError(f"{self.path}: packet {self.packets + 1}: {error}") from error
            self.packets += 1
            self.first_ns = self.first_ns or packet.received_ns
            self.last_ns = packet.received_ns
            lost = {"lost packets": decoder.lost, "restarts of the sequence": decoder.restarts}
            self._counts = Counter(decoder.counts | lost)
            yield piece
