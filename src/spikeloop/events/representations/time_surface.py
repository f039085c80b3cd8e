"""Time surface: how long ago each pixel had its last event, as a value that fades.

Lagorce et al., "HOTS" (2017): exp(-(now - t) / tau); or linear, 1 - (now - t) / tau, 0 from there
on. The surface is updated with each event and answers at any time.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.bounds import check
from spikeloop.events.filters.filter import OLD, PixelTimes

BLOCK = 2048
"""Events or pixels that are worked out together."""


class TimeSurface:
    """The times of the last events of each pixel, of both polarities together or apart."""

    def __init__(self, width: int, height: int, *, by_polarity: bool = False) -> None:
        """Start without events."""
        self.width, self.height, self.planes = width, height, 2 if by_polarity else 1
        self._last = PixelTimes(self.planes * height, width)
        self._is_empty = True
        self.now = 0

    def reset(self) -> None:
        """Forget all events."""
        self._last.reset()
        self._is_empty = True

    def add(self, events: Events) -> None:
        """Take the next events.

        Raises:
            ValueError: they come from a sensor of another size, or lie outside it.

        """
        check(events, self.width, self.height)
        if not len(events):
            return
        self._last.prepare(events)
        times = self._last.times.reshape(-1)
        if self.planes == 1:
            _update(times, events.t, events.x, events.y, self.width)
        else:
            plane = self.width * self.height
            _update_planes(times, events.t, events.x, events.y, events.p, self.width, plane)
        self.now, self._is_empty = int(events.t[-1]), False

    def exponential(self, tau_us: float, now: int | None = None) -> NDArray[np.float32]:
        """exp(-age / tau), 0 where there was no event.

        Args:
            tau_us: time constant, us, at least 1.
            now: time to ask for, us; the last event's if None.

        Returns:
            (height, width) float32, or (2, height, width) by polarity; within 1e-6 of the exact
            values.

        Raises:
            ValueError: tau is below 1 us.

        """
        out, at = self._out(tau_us, now)
        if self._is_empty:
            out[:] = 0.0
        else:
            _fade(self._last.times.reshape(-1), at, 1.0 / tau_us, out.reshape(-1))
        return out

    def linear(self, tau_us: float, now: int | None = None) -> NDArray[np.float32]:
        """1 - age / tau, 0 from there on and where there was no event; as `exponential`."""
        out, at = self._out(tau_us, now)
        if self._is_empty:
            out[:] = 0.0
        else:
            _sink(self._last.times.reshape(-1), at, 1.0 / tau_us, out.reshape(-1))
        return out

    def _out(self, tau_us: float, now: int | None) -> tuple[NDArray[np.float32], np.uint32]:
        if not tau_us >= 1.0:
            raise ValueError(f"tau_us must be at least 1, not {tau_us}")
        shape = (self.height, self.width) if self.planes == 1 else (2, self.height, self.width)
        at = self.now if now is None else now
        return np.empty(shape, np.float32), np.uint32(at & 0xFFFFFFFF)


@numba.njit(cache=True)
def _update(
    last: NDArray[np.uint32],
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    columns: int,
) -> None:
    places, times = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
    row = np.uint32(columns)
    for begin in range(0, len(t), BLOCK):
        m = min(BLOCK, len(t) - begin)
        xs, ys, ts = x[begin : begin + m], y[begin : begin + m], t[begin : begin + m]
        # Two plain loops before, for those are turned into vector code.
        for k in range(m):
            places[k] = np.uint32(ys[k]) * row + np.uint32(xs[k])
        for k in range(m):
            times[k] = np.uint32(ts[k])
        for k in range(m):
            last[np.uint64(places[k])] = times[k]


@numba.njit(cache=True)
def _update_planes(
    last: NDArray[np.uint32],
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    columns: int,
    pixels: int,
) -> None:
    places, times = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
    row, plane = np.uint32(columns), np.uint32(pixels)
    for begin in range(0, len(t), BLOCK):
        m = min(BLOCK, len(t) - begin)
        xs, ys, ps, ts = (
            x[begin : begin + m], y[begin : begin + m], p[begin : begin + m], t[begin : begin + m]
        )  # fmt: skip
        for k in range(m):
            places[k] = np.uint32(ps[k]) * plane + np.uint32(ys[k]) * row + np.uint32(xs[k])
        for k in range(m):
            times[k] = np.uint32(ts[k])
        for k in range(m):
            last[np.uint64(places[k])] = times[k]


@numba.njit(cache=True)
def fill_decay(age: NDArray[np.float64], rate: float, out: NDArray[np.float32]) -> None:
    """exp(-age * rate) for ages from 0 on, within 1e-6, in a form that is turned into vector code.

    exp(-x) is the 1024th power of exp(-x / 1024), whose series needs five terms; from x = 80 on,
    where float32 has next to nothing left, x is taken for 80.
    """
    part = rate / 1024.0
    for i in range(len(age)):
        v = min(age[i] * part, 80.0 / 1024.0)
        v = 1.0 - v * (1.0 - v * (0.5 - v * (1.0 / 6.0 - v * (1.0 / 24.0 - v * (1.0 / 120.0)))))
        v = v * v
        v = v * v
        v = v * v
        v = v * v
        v = v * v
        v = v * v
        v = v * v
        v = v * v
        v = v * v
        out[i] = np.float32(v * v)


@numba.njit(cache=True)
def _fade(last: NDArray[np.uint32], now: np.uint32, rate: float, out: NDArray[np.float32]) -> None:
    ages, old = np.empty(BLOCK, np.float64), np.uint32(OLD)
    for begin in range(0, len(last), BLOCK):
        m = min(BLOCK, len(last) - begin)
        times, values = last[begin : begin + m], out[begin : begin + m]
        for k in range(m):
            ages[k] = np.float64(np.uint32(now - times[k]))
        fill_decay(ages[:m], rate, values)
        for k in range(m):
            recent = np.float32(np.uint32(now - times[k]) < old)
            values[k] *= recent


@numba.njit(cache=True)
def _sink(last: NDArray[np.uint32], now: np.uint32, rate: float, out: NDArray[np.float32]) -> None:
    old, slope = np.uint32(OLD), np.float32(rate)
    for i in range(len(last)):
        age = np.uint32(now - last[i])
        value = max(np.float32(1.0) - np.float32(age) * slope, np.float32(0.0))
        out[i] = value if age < old else np.float32(0.0)
