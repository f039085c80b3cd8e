"""Slices of one length of time, one behind the other, also where nothing happens."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, joined
from spikeloop.events.slicing.slicer import Slice, Slicer

MOST_EMPTY = 100_000
"""More empty slices in a row are rather a jump of the clock."""
BLOCK = 1024
"""Events that are looked through at once for one of another slice."""


class ByTime(Slicer):
    """Cuts at whole multiples of a length of sensor time, so that two cameras cut alike.

    An event that is older than the slice already given out goes into the one that is open, for none
    may be lost; how often that was is in `late`.
    """

    def __init__(self, length_us: int, *, begin: int = 0) -> None:
        """Cut at begin + k * length.

        Raises:
            ValueError: the length is below 1 us.

        """
        if length_us < 1:
            raise ValueError(f"length_us must be at least 1, not {length_us}")
        super().__init__()
        self.length_us, self.begin, self.late = length_us, begin, 0
        self._open: int | None = None

    def reset(self) -> None:
        """Forget what waits and where time was."""
        super().reset()
        self._open = None

    def feed(self, events: Events) -> list[Slice]:
        """The slices that these events complete: those before the newest time.

        Raises:
            ValueError: the time jumps by more than 100,000 slices.

        """
        if not len(events):
            return []
        if self._open is None:
            self._open = self._number(int(events.t[0]))
        newest = max(self._number(int(events.t.max())), self._open)
        if newest - self._open > MOST_EMPTY:
            raise ValueError(
                f"the time jumps from slice {self._open} to {newest}, by more than {MOST_EMPTY}"
            )
        ends = np.empty(newest - self._open, np.int64)
        first = self.begin + self._open * self.length_us
        self.late += _cut(events.t, first, self.length_us, ends)
        slices, start = [], 0
        for number, end in enumerate(ends.tolist(), self._open):
            slices.append(self._slice(number, events[start:end]))
            start = end
        self._open = newest
        self._waiting.append(events[start:])
        return slices

    def advance(self, now: int) -> list[Slice]:
        """The slices that are over by a time, us, at which no event need be."""
        number = self._number(now)
        if self._open is None or number <= self._open:
            return []
        slices, like = [], self._waiting[-1]
        for k in range(self._open, number):
            slices.append(self._slice(k, like[:0]))
        self._waiting = [like[:0]]
        self._open = number
        return slices

    def _number(self, t: int) -> int:
        return (t - self.begin) // self.length_us

    def _slice(self, number: int, events: Events) -> Slice:
        parts = [part for part in [*self._waiting, events] if len(part)] or [events]
        self._waiting = []
        begin = self.begin + number * self.length_us
        whole = parts[0] if len(parts) == 1 else joined(parts)
        return Slice(whole, begin, begin + self.length_us)

    def finish(self) -> list[Slice]:
        """The slice that is open, if any event is in it."""
        number, left = self._open, [part for part in self._waiting if len(part)]
        slices = [self._slice(number, left[0][:0])] if left and number is not None else []
        self.reset()
        return slices


@numba.njit(cache=True)
def _cut(t: NDArray[np.int64], first: int, length: int, ends: NDArray[np.int64]) -> int:
    """Where each slice ends, if the open one begins at `first`; returns how many come late."""
    start, edge, k, late = first, first + length, 0, 0
    for begin in range(0, len(t), BLOCK):
        block = t[begin : begin + BLOCK]
        # Without a way out of the loop, so that it is turned into vector code.
        other = np.int64(0)
        for i in range(len(block)):
            other |= np.int64(block[i] >= edge) | np.int64(block[i] < start)
        if not other:
            continue
        for i in range(len(block)):
            while k < len(ends) and block[i] >= edge:
                ends[k] = begin + i
                k += 1
                start = edge
                edge += length
            late += block[i] < start
    return late
