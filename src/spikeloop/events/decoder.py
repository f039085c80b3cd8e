"""What all decoders of packed words have in common: pieces of any length, byte order, counts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers

Data = bytes | memoryview | NDArray[np.uint8]


class Decoder(ABC):
    """Stateful decoder: the result doesn't depend on where the stream is cut, even at odd bytes.

    What can't be used is left out and counted in `counts`, never silently.
    """

    word: ClassVar[str]
    """Type of a word, as NumPy names it without the byte order."""
    reasons: ClassVar[tuple[str, ...]]
    """Names of the counts."""
    largest: ClassVar[int] = 2048
    """What the format's addresses can hold."""

    def __init__(self, width: int, height: int, *, big_endian: bool = False) -> None:
        """Decode for a sensor of `width` x `height`; events outside are counted, not returned.

        Raises:
            ValueError: a size that the format's addresses can't have.

        """
        if not (0 < width <= self.largest and 0 < height <= self.largest):
            raise ValueError(
                f"sensor size {width}x{height} must be between 1x1 "
                f"and {self.largest}x{self.largest}"
            )
        self.width, self.height = width, height
        self._dtype = np.dtype((">" if big_endian else "<") + self.word)
        self.reset()

    def reset(self) -> None:
        """Forget time, addresses and counts, as for a new stream."""
        self._counts = np.zeros(len(self.reasons), dtype=np.int64)
        self._rest = b""
        self._forget()

    @abstractmethod
    def _forget(self) -> None:
        """Take the state before the first word."""

    def after_loss(self) -> None:
        """Packets are missing here: believe nothing that their words may have changed."""
        self._rest = b""

    def begin_packet(self, time_base: int) -> None:
        """A packet begins, whose time base is so many ns; in a stream of words it is nothing."""
        return

    @property
    def counts(self) -> dict[str, int]:
        """What was left out so far, by reason, and how often an event was older than the last."""
        return {reason: int(n) for reason, n in zip(self.reasons, self._counts, strict=True)}

    def decode(self, data: Data) -> tuple[Events, Triggers]:
        """Decode the next piece of the stream.

        Args:
            data: any number of bytes; part of a word at the end waits for the next piece.

        Returns:
            Its events and triggers, in the order of the stream, with 64-bit time.

        """
        raw = self._rest + bytes(data) if self._rest else data
        buffer = np.frombuffer(raw, dtype=np.uint8)
        whole = len(buffer) - len(buffer) % self._dtype.itemsize
        self._rest = bytes(buffer[whole:])
        words = buffer[:whole].view(self._dtype).astype(self.word, copy=False)
        return self._decode(words)

    @abstractmethod
    def _decode(self, words: NDArray[np.unsignedinteger]) -> tuple[Events, Triggers]:
        """Decode whole words in the machine's byte order."""


def columns(
    n: int,
) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint8]]:
    """Room for `n` events: t, x, y, p."""
    return np.empty(n, np.int64), np.empty(n, np.uint16), np.empty(n, np.uint16), np.empty(n, "u1")


def edges(n: int) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.uint8]]:
    """Room for `n` triggers: t, channel, value."""
    return np.empty(n, np.int64), np.empty(n, np.uint16), np.empty(n, np.uint8)
