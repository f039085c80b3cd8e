"""Running sums of events that answer at any time, at the cost of the pixels touched.

Without decay each event adds a step; with exponential decay a pixel also fades between its events,
v(t) = v(t0) exp(-(t - t0) / tau), computed when it is touched or asked for.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.bounds import check
from spikeloop.events.representations.time_surface import fill_decay

BLOCK = 1024
"""Events whose places are worked out together."""
GROUP = 64
"""Pixels side by side that are remembered as touched together."""


class Accumulator:
    """Sums since the last `clear`, ON plus, OFF minus unless `rectify`, within [-limit, limit]."""

    def __init__(
        self,
        width: int,
        height: int,
        *,
        step: float = 1.0,
        limit: float = 1e6,
        tau_us: float = 0.0,
        rectify: bool = False,
    ) -> None:
        """Start at 0 everywhere.

        Args:
            width: columns of the sensor.
            height: rows of the sensor.
            step: what an event adds.
            limit: largest absolute sum.
            tau_us: time constant of the decay, us; 0 for none.
            rectify: whether OFF events add too.

        Raises:
            ValueError: a step or limit that isn't positive, or a negative time constant.

        """
        if not (step > 0 and limit > 0 and tau_us >= 0):
            raise ValueError(
                f"step ({step}) and limit ({limit}) must be positive, "
                f"tau_us ({tau_us}) must not be negative"
            )
        self.width, self.height = width, height
        self.step, self.limit, self.tau_us, self.rectify = step, limit, tau_us, rectify
        self._sums = np.zeros(width * height, np.float32)
        self._times = np.zeros(width * height if tau_us else 0, np.int64)
        # Which groups of pixels were touched: a list of pixels would cost each event far more.
        self._touched = np.zeros(-(-width * height // GROUP), np.bool_)
        self.now = 0

    def add(self, events: Events) -> None:
        """Take the next events.

        Raises:
            ValueError: they come from a sensor of another size, or lie outside it.

        """
        check(events, self.width, self.height)
        if not len(events):
            return
        down = self.step if self.rectify else -self.step
        common = (
            self._sums, self._touched, events.x, events.y, events.p, self.width,
            np.float32(self.step), np.float32(down), np.float32(self.limit),
        )  # fmt: skip
        if self.tau_us:
            _add_fading(*common, events.t, self._times, 1.0 / self.tau_us)
        else:
            _add(*common)
        self.now = int(events.t[-1])

    def touched(
        self, now: int | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Columns, rows and values (n,) of the pixels touched since the last `clear`.

        Args:
            now: time to ask for, us; the last event's if None.

        """
        places = self._places()
        places = places[self._sums[places] != 0.0]
        values = self._sums[places]
        if self.tau_us:
            ages = np.maximum((self.now if now is None else now) - self._times[places], 0)
            factors = np.empty(len(values), np.float32)
            fill_decay(ages.astype(np.float64), 1.0 / self.tau_us, factors)
            values *= factors
        rows: NDArray[np.int32] = (places // self.width).astype(np.int32)
        columns: NDArray[np.int32] = (places % self.width).astype(np.int32)
        return columns, rows, values

    def _places(self) -> NDArray[np.int32]:
        """The pixels of the groups touched."""
        groups = np.flatnonzero(self._touched).astype(np.int32)
        places = GROUP * groups[:, None] + np.arange(GROUP, dtype=np.int32)
        return places[places < len(self._sums)].astype(np.int32)

    def picture(self, now: int | None = None) -> NDArray[np.float32]:
        """(height, width) float32, the values of all pixels."""
        if not self.tau_us:
            return self._sums.reshape(self.height, self.width).copy()
        out = np.empty(self.height * self.width, np.float32)
        _picture(self._sums, self._times, self.now if now is None else now, 1.0 / self.tau_us, out)
        return out.reshape(self.height, self.width)

    def clear(self) -> None:
        """Back to 0, at the cost of the pixels touched."""
        self._sums[self._places()] = 0.0
        self._touched[:] = False


@numba.njit(cache=True)
def _add(
    sums: NDArray[np.float32],
    touched: NDArray[np.bool_],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    columns: int,
    up: np.float32,
    down: np.float32,
    limit: np.float32,
) -> None:
    places, row = np.empty(BLOCK, np.uint32), np.uint32(columns)
    steps, full = np.empty(BLOCK, np.float32), False
    for begin in range(0, len(x), BLOCK):
        m = min(BLOCK, len(x) - begin)
        xs, ys, ps = x[begin : begin + m], y[begin : begin + m], p[begin : begin + m]
        # Places and steps first, for that is turned into vector code.
        for k in range(m):
            places[k] = np.uint32(ys[k]) * row + np.uint32(xs[k])
        for k in range(m):
            steps[k] = np.float32(ps[k]) * (up - down) + down
        for k in range(m):
            at = np.uint64(places[k])
            value = sums[at] + steps[k]
            value = value if value < limit else limit
            sums[at] = value if value > -limit else -limit
        full = full or _mark(places[:m], touched)


@numba.njit(cache=True)
def _add_fading(
    sums: NDArray[np.float32],
    touched: NDArray[np.bool_],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    columns: int,
    up: np.float32,
    down: np.float32,
    limit: np.float32,
    t: NDArray[np.int64],
    times: NDArray[np.int64],
    rate: float,
) -> None:
    places, row = np.empty(BLOCK, np.uint32), np.uint32(columns)
    ages, factors = np.empty(BLOCK, np.float64), np.empty(BLOCK, np.float32)
    full = False
    for begin in range(0, len(x), BLOCK):
        m = min(BLOCK, len(x) - begin)
        xs, ys, ps = x[begin : begin + m], y[begin : begin + m], p[begin : begin + m]
        for k in range(m):
            places[k] = np.uint32(ys[k]) * row + np.uint32(xs[k])
        for k in range(m):
            at, now = np.uint64(places[k]), t[begin + k]
            # A time that falls doesn't let the value grow.
            ages[k] = max(now - times[at], 0)
            times[at] = now
        fill_decay(ages[:m], rate, factors[:m])
        for k in range(m):
            at = np.uint64(places[k])
            value = sums[at] * factors[k] + (up if ps[k] else down)
            value = value if value < limit else limit
            sums[at] = value if value > -limit else -limit
        full = full or _mark(places[:m], touched)


@numba.njit(cache=True)
def _mark(places: NDArray[np.uint32], touched: NDArray[np.bool_]) -> bool:
    """Note the groups of pixels; whether all are touched now, so that none need be noted again."""
    for k in range(len(places)):
        touched[np.uint64(places[k] // np.uint32(GROUP))] = True
    # Without a way out of the loop, so that it is turned into vector code.
    missing = False
    for k in range(len(touched)):
        missing |= not touched[k]
    return not missing


@numba.njit(cache=True)
def _picture(
    sums: NDArray[np.float32],
    times: NDArray[np.int64],
    now: int,
    rate: float,
    out: NDArray[np.float32],
) -> None:
    ages = np.empty(BLOCK, np.float64)
    for begin in range(0, len(sums), BLOCK):
        m = min(BLOCK, len(sums) - begin)
        for k in range(m):
            ages[k] = max(now - times[begin + k], 0)
        fill_decay(ages[:m], rate, out[begin : begin + m])
        for k in range(m):
            out[begin + k] *= sums[begin + k]
