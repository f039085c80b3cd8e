"""Event-spike tensor: measurements of events, convolved in time by a kernel, sampled in bins.

Gehrig et al., "End-to-end learning of representations" (2019), eq. 7 to 9: channel (p, b) at a
pixel is the sum over its events of f(t*) k(b / (B - 1) - t*), with t* from 0 to 1. The kernel is
any function of one argument in [-1, 1], so a trained network can be put in; it is tabulated once.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.bounds import check

STEPS = 4096
"""Places of the table on each side of 0; between them it is interpolated."""
MEASURES = ("time", "count", "polarity")
Kernel = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def trilinear(bins: int) -> Kernel:
    """The kernel max(0, 1 - |d| (B - 1)), with which a measure is shared by two bins."""
    return lambda d: np.maximum(0.0, 1.0 - np.abs(d) * max(bins - 1, 1))


def event_spike_tensor(
    events: Events, bins: int, *, measure: str = "time", kernel: Kernel | None = None
) -> NDArray[np.float32]:
    """The tensor of all the events.

    Args:
        events: of any order.
        bins: B, at least 1.
        measure: f: "time" for t*, "count" for 1, "polarity" for +1 and -1.
        kernel: of the distance in normalised time; `trilinear(bins)` if None.

    Returns:
        (2 * bins, height, width) float32; the first `bins` channels are of OFF events.

    Raises:
        ValueError: no bins, an unknown measure, or events outside their sensor.

    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {', '.join(MEASURES)}, not '{measure}'")
    check(events, events.width, events.height)
    tensor = np.zeros((2 * bins, events.height, events.width), np.float32)
    if len(events):
        distances = np.linspace(-1.0, 1.0, 2 * STEPS + 1)
        values = np.asarray((kernel or trilinear(bins))(distances), dtype=np.float64)
        # The table's last place twice, so that interpolation at the end reads within it.
        table = np.append(values, values[-1])
        first, last = int(events.t.min()), int(events.t.max())
        scale = 1.0 / (last - first) if last > first else 0.0
        _convolve(
            tensor.reshape(2, bins, -1), events.t, events.x, events.y, events.p, first, scale,
            events.width, MEASURES.index(measure), table,
        )  # fmt: skip
    return tensor


@numba.njit(cache=True)
def _convolve(
    tensor: NDArray[np.float32],
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    begin: int,
    scale: float,
    columns: int,
    measure: int,
    table: NDArray[np.float64],
) -> None:
    bins = tensor.shape[1]
    for i in range(len(t)):
        at, now = np.int64(y[i]) * columns + x[i], (t[i] - begin) * scale
        value = now if measure == 0 else (1.0 if measure == 1 or p[i] else -1.0)
        for b in range(bins):
            middle = b / (bins - 1) if bins > 1 else 0.0
            place = (middle - now + 1.0) * STEPS
            low = np.int64(place)
            share = place - low
            weight = (1.0 - share) * table[low] + share * table[low + 1]
            tensor[p[i], b, at] += value * weight
