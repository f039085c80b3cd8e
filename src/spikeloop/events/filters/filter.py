"""What the filters that remember have in common: times of pixels, and how many events they take."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.bounds import check

# Times are kept modulo 2^32 us, 71.6 minutes, in half the memory of whole ones. What is older than
# a quarter of that is made half of it old, well before it could be taken for new.
OLD, NEVER = np.uint32(1 << 30), np.uint32(1 << 31)


class Filter(ABC):
    """A filter of one sensor's events, in order, piece by piece.

    Attributes:
        width: columns of the sensor.
        height: rows of the sensor.
        taken: events that were given.
        kept: events that were let through.

    """

    def __init__(self, width: int, height: int) -> None:
        """Filter the events of a sensor of this size.

        Raises:
            ValueError: the size isn't positive.

        """
        if width <= 0 or height <= 0:
            raise ValueError(f"sensor size {width}x{height} must be positive")
        self.width, self.height = width, height
        self.taken = self.kept = 0

    def reset(self) -> None:
        """Forget all events, as for a new stream."""
        self.taken = self.kept = 0

    def apply(self, events: Events) -> Events:
        """Those of the next events that pass, in new arrays.

        Raises:
            ValueError: they come from a sensor of another size, or lie outside it.

        """
        check(events, self.width, self.height)
        out = self._apply(events) if len(events) else events
        self.taken += len(events)
        self.kept += len(out)
        return out

    @abstractmethod
    def _apply(self, events: Events) -> Events:
        """Filter at least one event."""


class PixelTimes:
    """The last time of something at each pixel, us modulo 2^32.

    Attributes:
        times: (rows, columns) uint32.

    """

    def __init__(self, rows: int, columns: int) -> None:
        """Nothing has been anywhere yet."""
        self.times = np.empty((rows, columns), dtype=np.uint32)
        self._cleaned: int | None = None

    def reset(self) -> None:
        """Nothing has been anywhere any more."""
        self._cleaned = None

    def prepare(self, events: Events) -> None:
        """Make old times unmistakable before these events are taken."""
        now = int(events.t[0])
        if self._cleaned is None:
            self.times[:] = (now - int(NEVER)) & 0xFFFFFFFF
            self._cleaned = now
        elif abs(now - self._cleaned) > int(OLD) // 2:
            _clean(self.times.reshape(-1), np.uint32(now & 0xFFFFFFFF))
            self._cleaned = now


@numba.njit(cache=True)
def _clean(times: NDArray[np.uint32], now: np.uint32) -> None:
    for i in range(len(times)):
        if np.uint32(now - times[i]) > OLD:
            times[i] = now - NEVER
