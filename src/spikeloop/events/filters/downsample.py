"""Smaller sensor: blocks of pixels that fire when enough events of a polarity came together.

Each block of `factor` x `factor` pixels counts ON and OFF events apart and gives one event of a
polarity for every `events` of it, at the last one's time (integrate and fire, as in Gruel et al.,
"Neuromorphic event-based spatio-temporal attention", 2022). So ON and OFF stay in proportion, in
each block and over all.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.filters.filter import Filter


class Downsample(Filter):
    """Events of a sensor of (width // factor) x (height // factor), rounded up."""

    def __init__(self, width: int, height: int, factor: int = 2, events: int = 0) -> None:
        """Choose the size of the blocks.

        Args:
            width: columns of the sensor.
            height: rows of the sensor.
            factor: columns and rows of a block.
            events: how many of a polarity give one; 0 for one a pixel of the block, 1 for all.

        Raises:
            ValueError: a factor below 1, or a negative number of events.

        """
        super().__init__(width, height)
        if factor < 1 or events < 0:
            raise ValueError(
                f"factor ({factor}) must be at least 1, events ({events}) not negative"
            )
        self.factor, self.events = factor, events or factor * factor
        self.columns, self.rows = -(-width // factor), -(-height // factor)
        self.reset()

    def reset(self) -> None:
        """Forget what the blocks have counted."""
        super().reset()
        self._counts = np.zeros((2, self.rows, self.columns), np.int32)

    def _apply(self, events: Events) -> Events:
        index = np.empty(len(events), np.int64)
        x, y = events.x // np.uint16(self.factor), events.y // np.uint16(self.factor)
        kept = index[: _fire(x, y, events.p, self._counts, self.events, index)]
        fine = None if events.fine is None else events.fine[kept]
        return Events(
            events.t[kept], x[kept], y[kept], events.p[kept], self.columns, self.rows, fine
        )


@numba.njit(cache=True)
def _fire(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    counts: NDArray[np.int32],
    needed: int,
    index: NDArray[np.int64],
) -> int:
    n = 0
    for i in range(len(x)):
        count = counts[p[i], y[i], x[i]] + 1
        fires = count >= needed
        counts[p[i], y[i], x[i]] = 0 if fires else count
        index[n] = i
        n += fires
    return n
