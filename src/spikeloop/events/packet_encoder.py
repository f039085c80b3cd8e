"""Events to the bytes of one EventPacket after the other, fast, each to be read by itself.

`evt3`: see `evt3_encoder`; between packets the high time goes on, so that a reader who stays misses
no roll-over of its 24 bits. `mono`: 64-bit words with a time base for each packet; it keeps
nanoseconds, and holds no triggers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeloop.events import mono_encoder
from spikeloop.events.array import Events, Triggers
from spikeloop.events.encoder import EncodingError
from spikeloop.events.evt3_encoder import Evt3Encoder

ENCODINGS = ("evt3", "mono")


class Encoded(NamedTuple):
    """What goes into an EventPacket.

    Attributes:
        time_base: ns; 0 for evt3, whose words carry the time.
        data: (n,) uint8, little-endian words.

    """

    time_base: int
    data: NDArray[np.uint8]


class PacketEncoder:
    """Encodes pieces of one sensor's stream, one packet a piece."""

    def __init__(self, width: int, height: int, encoding: str) -> None:
        """Encode for a sensor of this size.

        Raises:
            EncodingError: the encoding isn't evt3 or mono, or the sensor is too large for it.

        """
        if encoding not in ENCODINGS:
            raise EncodingError(f"encoding must be one of {', '.join(ENCODINGS)}, not '{encoding}'")
        self.width, self.height, self.encoding = width, height, encoding
        self._evt3 = Evt3Encoder(width, height, packets=True) if encoding == "evt3" else None
        most = mono_encoder.LARGEST
        if max(width, height) > most:
            raise EncodingError(f"mono holds sensors of up to {most}x{most}, not {width}x{height}")

    def reset(self) -> None:
        """Begin a new stream, whose time may be earlier."""
        if self._evt3 is not None:
            self._evt3.reset()

    def encode(self, events: Events, triggers: Triggers | None = None) -> Encoded:
        """The next packet; it may be empty.

        Args:
            events: in order, times from 0 on.
            triggers: merged into the stream by time; `mono` can't hold any.

        Raises:
            EncodingError: the format can't hold these times, or these triggers.

        """
        if self._evt3 is not None:
            edges = Triggers.none() if triggers is None else triggers
            return Encoded(0, self._evt3.encode(events, edges))
        if triggers is not None and len(triggers):
            raise EncodingError("mono can't hold triggers")
        return Encoded(*mono_encoder.pack(events))
