"""Voxel grid: polarities spread over time bins with bilinear weights.

Zhu et al., "Unsupervised event-based learning" (2019), eq. 1 and 2: an event at normalised time
t* = (B - 1) (t - t0) / (t1 - t0) gives its polarity (+1, -1) times max(0, 1 - |b - t*|) to bin b.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.bounds import check

BLOCK = 1024
"""Events whose places are worked out together."""


def voxel_grid(
    events: Events, bins: int, *, begin: int | None = None, end: int | None = None
) -> NDArray[np.float32]:
    """Spread events over bins.

    Args:
        events: of any order.
        bins: B, at least 1.
        begin: us, time of the middle of the first bin; the first event's if None.
        end: us, that of the last bin; the last event's if None.

    Returns:
        (bins, height, width) float32. Events before `begin` or after `end` count nowhere.

    Raises:
        ValueError: no bins, an end before the begin, or events outside their sensor.

    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    check(events, events.width, events.height)
    # One bin too many where there is one, so that its upper neighbour can be written to.
    grid = np.zeros((max(bins, 2), events.height, events.width), np.float32)
    if not len(events):
        return grid[:bins]
    first = int(events.t.min()) if begin is None else begin
    last = int(events.t.max()) if end is None else end
    if last < first:
        raise ValueError(f"end ({last} us) must not be before begin ({first} us)")
    # Of no length, all events are in the first bin, as are all of one bin.
    scale = np.float32((bins - 1) / (last - first) if last > first else 0.0)
    _spread(
        grid.reshape(-1), events.t, events.x, events.y, events.p, first, last, scale,
        events.width, events.width * events.height, max(bins, 2),
    )  # fmt: skip
    return grid[:bins]


@numba.njit(cache=True)
def _spread(
    grid: NDArray[np.float32],
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    begin: int,
    end: int,
    scale: np.float32,
    columns: int,
    pixels: int,
    bins: int,
) -> None:
    places, row, plane = np.empty(BLOCK, np.uint32), np.uint32(columns), np.uint32(pixels)
    upper, lower = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    one, two = np.float32(1.0), np.float32(2.0)
    for start in range(0, len(t), BLOCK):
        m = min(BLOCK, len(t) - start)
        ts, xs, ys, ps = (
            t[start : start + m], x[start : start + m], y[start : start + m], p[start : start + m]
        )  # fmt: skip
        # Places and shares first, for that is turned into vector code.
        for k in range(m):
            place = np.float32(ts[k] - begin) * scale
            counts = np.float32((ts[k] >= begin) & (ts[k] <= end))
            # The last time belongs to the last bin but one, with all of its share in the last.
            low = max(min(np.int32(place), np.int32(bins - 2)), np.int32(0))
            sign = (two * np.float32(ps[k]) - one) * counts
            share = place - np.float32(low)
            upper[k], lower[k] = sign * share, sign * (one - share)
            places[k] = np.uint32(low) * plane + np.uint32(ys[k]) * row + np.uint32(xs[k])
        for k in range(m):
            at = np.uint64(places[k])
            grid[at] += lower[k]
            grid[at + np.uint64(plane)] += upper[k]
