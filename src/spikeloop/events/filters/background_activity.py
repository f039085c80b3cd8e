"""Background activity: an event passes if one of its eight neighbours had one shortly before.

Delbruck, "Frame-free dynamic digital vision" (2008), as in jAER and dv-processing: an event writes
its time to its neighbours, so that a later one there looks at a single place.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.filters.filter import Filter, PixelTimes

BLOCK = 2048
"""Events that are worked on together."""


class BackgroundActivity(Filter):
    """Removes events without support by a neighbour within a time."""

    def __init__(self, width: int, height: int, window_us: int = 2_000) -> None:
        """Ask for support less than `window_us` old.

        Raises:
            ValueError: the window isn't between 1 us and 1000 s.

        """
        super().__init__(width, height)
        if not 0 < window_us <= 1_000_000_000:
            raise ValueError(f"window_us must be between 1 and 1000000000, not {window_us}")
        self.window_us = window_us
        # A border of one pixel, so that neighbours need no check.
        self._support = PixelTimes(height + 2, width + 2)

    def reset(self) -> None:
        """Forget all events, as for a new stream."""
        super().reset()
        self._support.reset()

    def _apply(self, events: Events) -> Events:
        self._support.prepare(events)
        n = len(events)
        t, x, y = np.empty(n, np.int64), np.empty(n, np.uint16), np.empty(n, np.uint16)
        p = np.empty(n, np.uint8)
        fine = None if events.fine is None else np.empty(n, np.uint16)
        # Without finer times, any array of that kind stands for them and is written over again.
        kept = _filter(
            events.t, events.x, events.y, events.p, y if events.fine is None else events.fine,
            self._support.times.reshape(-1), self.width + 2, np.uint32(self.window_us),
            t, x, y, p, x if fine is None else fine, fine is not None,
        )  # fmt: skip
        fine = None if fine is None else fine[:kept]
        return Events(t[:kept], x[:kept], y[:kept], p[:kept], self.width, self.height, fine)


@numba.njit(cache=True)
def _filter(
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    fine: NDArray[np.uint16],
    support: NDArray[np.uint32],
    columns: int,
    window: np.uint32,
    out_t: NDArray[np.int64],
    out_x: NDArray[np.uint16],
    out_y: NDArray[np.uint16],
    out_p: NDArray[np.uint8],
    out_fine: NDArray[np.uint16],
    is_fine: bool,
) -> int:
    row, one, kept = np.uint64(columns), np.uint64(1), np.uint64(0)
    places, times = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
    passing = np.empty(BLOCK, np.uint32)
    for begin in range(0, len(t), BLOCK):
        m = min(BLOCK, len(t) - begin)
        ts, xs, ys = t[begin : begin + m], x[begin : begin + m], y[begin : begin + m]
        ps = p[begin : begin + m]
        for k in range(m):
            line = np.uint32(ys[k]) + np.uint32(1)
            places[k] = line * np.uint32(columns) + np.uint32(xs[k]) + np.uint32(1)
        for k in range(m):
            times[k] = np.uint32(ts[k])
        count = np.uint64(0)
        for k in range(m):
            at, now = np.uint64(places[k]), times[k]
            # Every event is noted, and the next place moves on behind those that pass.
            passing[count] = k
            count += np.uint64(np.uint32(now - support[at]) < window)
            above, below = at - row, at + row
            support[above - one] = now
            support[above] = now
            support[above + one] = now
            support[at - one] = now
            support[at + one] = now
            support[below - one] = now
            support[below] = now
            support[below + one] = now
        # Unsigned indices, for signed ones would be checked for being negative.
        for k in range(count):
            i, o = np.uint64(passing[k]), kept + np.uint64(k)
            out_t[o], out_x[o], out_y[o], out_p[o] = ts[i], xs[i], ys[i], ps[i]
        if is_fine:
            for k in range(count):
                out_fine[kept + np.uint64(k)] = fine[np.uint64(begin) + np.uint64(passing[k])]
        kept += count
    return int(np.int64(kept))
