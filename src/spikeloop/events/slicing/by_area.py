"""Slices by area-event count: one is over when some area of the sensor has had enough events.

Liu and Delbruck, "Adaptive time-slice block-matching optical flow" (2018): the sensor is divided
into square areas; a slice ends with the event that fills one of them. So slices are short where
something happens and don't depend on how much of the sensor it takes.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.bounds import check
from spikeloop.events.slicing.slicer import Slice, Slicer


class ByArea(Slicer):
    """Cuts behind the event that is the `count`-th of an area."""

    def __init__(self, width: int, height: int, *, area: int = 32, count: int = 1_000) -> None:
        """Choose the size of the areas, pixels, and the number of events that fill one.

        Raises:
            ValueError: one of them is below 1.

        """
        if min(width, height, area, count) < 1:
            raise ValueError(
                f"width ({width}), height ({height}), area ({area}) and count ({count}) must be "
                "at least 1"
            )
        super().__init__()
        self.width, self.height, self.area, self.count = width, height, area, count
        self._counts = np.zeros((-(-height // area), -(-width // area)), np.int64)

    def reset(self) -> None:
        """Forget what waits and what the areas have counted."""
        super().reset()
        self._counts[:] = 0

    def feed(self, events: Events) -> list[Slice]:
        """The slices that these events complete.

        Raises:
            ValueError: they come from a sensor of another size, or lie outside it.

        """
        check(events, self.width, self.height)
        ends = np.empty(len(events) // self.count + 1, np.int64)
        n = _fill(events.x, events.y, self.area, self.count, self._counts, ends)
        slices, start = [], 0
        for end in ends[:n].tolist():
            part = self._take(events[start:end])
            slices.append(Slice(part, int(part.t.min()), int(part.t.max()) + 1))
            start = end
        self._waiting.append(events[start:])
        return slices


@numba.njit(cache=True)
def _fill(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    area: int,
    needed: int,
    counts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> int:
    n = 0
    for i in range(len(x)):
        row, column = y[i] // area, x[i] // area
        counts[row, column] += 1
        if counts[row, column] >= needed:
            ends[n] = i + 1
            n += 1
            counts[:] = 0
    return n
