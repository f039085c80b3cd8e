"""Refractory period: a pixel that had an event is deaf for a while."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.filters.filter import Filter, PixelTimes


class Refractory(Filter):
    """Lets an event pass if its pixel's last one that passed is at least `period_us` old."""

    def __init__(self, width: int, height: int, period_us: int = 1_000) -> None:
        """Keep the pixels deaf for `period_us`.

        Raises:
            ValueError: the period isn't between 1 us and 1000 s.

        """
        super().__init__(width, height)
        if not 0 < period_us <= 1_000_000_000:
            raise ValueError(f"period_us must be between 1 and 1000000000, not {period_us}")
        self.period_us = period_us
        self._last = PixelTimes(height, width)

    def reset(self) -> None:
        """Forget all events, as for a new stream."""
        super().reset()
        self._last.reset()

    def _apply(self, events: Events) -> Events:
        self._last.prepare(events)
        index = np.empty(len(events), np.int64)
        kept = _filter(
            events.t, events.x, events.y, self._last.times.reshape(-1), self.width,
            np.uint32(self.period_us), index,
        )  # fmt: skip
        return events[index[:kept]]


@numba.njit(cache=True)
def _filter(
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    last: NDArray[np.uint32],
    columns: int,
    period: np.uint32,
    out: NDArray[np.int64],
) -> int:
    row, kept = np.uint64(columns), np.uint64(0)
    for i in range(len(t)):
        now = np.uint32(t[i])
        at = np.uint64(y[i]) * row + np.uint64(x[i])
        passes = np.uint32(now - last[at]) >= period
        last[at] = now if passes else last[at]
        out[kept] = i
        kept += np.uint64(passes)
    return int(np.int64(kept))
