"""Decoders by the name of their encoding, as EventPacket has it, and the decoding of packets."""

from __future__ import annotations

import importlib
from collections import Counter

from spikeloop.events.array import Events, Triggers
from spikeloop.events.decoder import Data, Decoder

# By module, so that only what is used is loaded.
DECODERS = {
    "evt2": ("evt2", "Evt2Decoder"),
    "evt21": ("evt21", "Evt21Decoder"),
    "evt3": ("evt3", "Evt3Decoder"),
    "libcaer": ("libcaer", "LibcaerDecoder"),
    "libcaer_cmp": ("libcaer_cmp", "LibcaerCmpDecoder"),
    "mono": ("mono", "MonoDecoder"),
    "trigger": ("mono", "TriggerDecoder"),
}
LARGEST = 2048
"""Columns and rows that are decoded where the packets don't state the sensor's size."""


def make_decoder(encoding: str, width: int, height: int, *, big_endian: bool = False) -> Decoder:
    """A fresh decoder.

    Raises:
        ValueError: the encoding isn't known, or the sensor's size is impossible.

    """
    if encoding not in DECODERS:
        raise ValueError(
            f"encoding '{encoding}' isn't known; there are: {', '.join(sorted(DECODERS))}"
        )
    module, name = DECODERS[encoding]
    kind: type[Decoder] = getattr(importlib.import_module(f"spikeloop.events.{module}"), name)
    return kind(width, height, big_endian=big_endian)


class PacketDecoder:
    """Decodes the packets of one camera, which may be lost, begin anew, or change their kind.

    Attributes:
        lost: packets missing by the sequence number.
        restarts: times that the sequence number fell, as when a recording is played in a loop;
            the decoder then starts anew, so that the sensor's time may fall with it.

    """

    def __init__(self) -> None:
        """Wait for the first packet, which says what it is."""
        self.lost = self.restarts = 0
        self._kind: tuple[str, int, int, bool] | None = None
        self._seq = 0
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> dict[str, int]:
        """What was left out since the first packet, by reason."""
        counts = Counter(self._counts)
        if self._kind is not None:
            counts.update(self._decoder.counts)
        return dict(counts)

    def decode(
        self,
        encoding: str,
        width: int,
        height: int,
        seq: int,
        data: Data,
        *,
        big_endian: bool = False,
        time_base: int = 0,
    ) -> tuple[Events, Triggers]:
        """Events and triggers of the next packet; a size of 0x0 decodes up to 2048x2048.

        Args:
            encoding: as in the packet, with its sensor's `width` and `height` and its `seq`.
            width: columns of the sensor.
            height: rows of the sensor.
            seq: number of the packet.
            data: its bytes.
            big_endian: order of the bytes in its words.
            time_base: ns; what the times of encodings other than EVT count from.

        Raises:
            ValueError: the encoding isn't known, or the sensor's size is impossible.

        """
        if width == height == 0:
            width = height = LARGEST
        kind = (encoding, width, height, big_endian)
        if kind != self._kind:
            fresh = make_decoder(encoding, width, height, big_endian=big_endian)
            self._counts = Counter(self.counts)
            self._decoder, self._kind, self._seq = fresh, kind, seq
        if seq < self._seq:
            self.restarts += 1
            self._counts = Counter(self.counts)
            self._decoder.reset()
        elif seq > self._seq + 1:
            self.lost += seq - self._seq - 1
            self._decoder.after_loss()
        self._seq = seq
        self._decoder.begin_packet(time_base)
        return self._decoder.decode(data)
