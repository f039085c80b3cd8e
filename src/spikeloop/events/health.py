"""How healthy a stream is: rates over time, activity of pixels, gaps, and whether time rises."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.bounds import check

MOST_BINS = 4096
GAPS = 10
"""So many of the longest gaps are kept."""


@dataclass
class StreamHealth:
    """Running figures of all that was given to `add`; memory doesn't grow with the stream.

    Attributes:
        width: columns of the sensor.
        height: rows of the sensor.
        counts: (2, height, width) int64, OFF and ON events of each pixel.
        bin_us: length of the bins of `rate`; it doubles whenever there would be too many.
        gaps: (length, begin), us, of the longest times without events, the shortest first.
        backward: events older than the one before.
        largest_step_back: us.
        repeated: events of the same time, pixel and polarity as the one before.
        events: number of all.

    """

    width: int
    height: int
    bin_us: int = 1_000
    counts: NDArray[np.int64] = field(init=False)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    backward: int = 0
    largest_step_back: int = 0
    repeated: int = 0
    events: int = 0

    def __post_init__(self) -> None:
        """Begin without events."""
        self.counts = np.zeros((2, self.height, self.width), np.int64)
        self._bins = np.zeros(MOST_BINS, np.int64)
        self._first = self._newest = 0
        self._last: tuple[int, int, int, int] | None = None

    def add(self, events: Events) -> None:
        """Take the next events.

        Raises:
            ValueError: they come from a sensor of another size, or lie outside it.

        """
        check(events, self.width, self.height)
        if not len(events):
            return
        t = events.t
        if self._last is None:
            self._first = self._newest = int(t[0])
            steps = np.diff(t, prepend=t[0])
        else:
            steps = np.diff(t, prepend=self._last[0])
        back = steps < 0
        self.backward += int(back.sum())
        self.largest_step_back = max(self.largest_step_back, int(-steps.min()))
        self._count_repeated(events, steps)
        self._note_gaps(t)
        self._count_rate(t)
        _count(self.counts, events.x, events.y, events.p)
        self.events += len(events)
        last = len(events) - 1
        self._last = (int(t[last]), int(events.x[last]), int(events.y[last]), int(events.p[last]))

    def _count_repeated(self, events: Events, steps: NDArray[np.int64]) -> None:
        same = steps[1:] == 0
        for column in (events.x, events.y, events.p):
            same &= column[1:] == column[:-1]
        self.repeated += int(same.sum())
        first = (int(events.t[0]), int(events.x[0]), int(events.y[0]), int(events.p[0]))
        self.repeated += self._last == first

    def _note_gaps(self, t: NDArray[np.int64]) -> None:
        # A gap is counted in the newest time so far, so that a step back and on again is none.
        rising = np.maximum.accumulate(np.concatenate([[self._newest], t]))
        steps = np.diff(rising)
        for k in np.argsort(steps)[-GAPS:].tolist():
            if steps[k] > 0:
                heapq.heappush(self.gaps, (int(steps[k]), int(rising[k])))
        while len(self.gaps) > GAPS:
            heapq.heappop(self.gaps)
        self._newest = int(rising[-1])

    def _count_rate(self, t: NDArray[np.int64]) -> None:
        earliest = int(t.min())
        if earliest < self._first:
            self._shift(self._first - earliest)
        while (int(t.max()) - self._first) // self.bin_us >= MOST_BINS:
            self._bins = np.concatenate(
                [self._bins.reshape(-1, 2).sum(axis=1), np.zeros(MOST_BINS // 2, np.int64)]
            )
            self.bin_us *= 2
        self._bins += np.bincount((t - self._first) // self.bin_us, minlength=MOST_BINS)

    def _shift(self, by: int) -> None:
        """Let the bins begin earlier, by whole bins."""
        bins = -(-by // self.bin_us)
        while bins + (self._newest - self._first) // self.bin_us >= MOST_BINS:
            self._bins = np.concatenate(
                [self._bins.reshape(-1, 2).sum(axis=1), np.zeros(MOST_BINS // 2, np.int64)]
            )
            self.bin_us *= 2
            bins = -(-by // self.bin_us)
        self._bins = np.concatenate([np.zeros(bins, np.int64), self._bins])[:MOST_BINS]
        self._first -= bins * self.bin_us

    def rate(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Begin of each bin, us, and its mean rate, events/s."""
        used = max(1, (self._newest - self._first) // self.bin_us + 1) if self.events else 0
        begins = self._first + self.bin_us * np.arange(used, dtype=np.int64)
        return begins, self._bins[:used].astype(np.float64) * (1e6 / self.bin_us)

    @property
    def span_us(self) -> int:
        """From the earliest to the newest event."""
        return self._newest - self._first if self.events else 0

    def facts(self) -> dict[str, float]:
        """The figures by name, for printing and JSON."""
        pixels = self.counts.sum(axis=0).reshape(-1)
        _, rate = self.rate()
        total = max(self.events, 1)
        # The last bin isn't full, so it is left out where there are others.
        whole = rate[:-1] if len(rate) > 1 else rate
        order = np.sort(pixels)[::-1]
        facts: dict[str, float] = {
            "events": self.events,
            "ON share": float(self.counts[1].sum() / total),
            "span, s": self.span_us / 1e6,
            "mean rate, events/s": self.events / (self.span_us / 1e6) if self.span_us else 0.0,
            "bin, ms": self.bin_us / 1e3,
            "highest rate, events/s": float(whole.max()) if len(whole) else 0.0,
            "lowest rate, events/s": float(whole.min()) if len(whole) else 0.0,
            "pixels without events": int((pixels == 0).sum()),
            "median events of a pixel": float(np.median(pixels)),
            "most events of a pixel": int(order[0]),
            "share of the busiest 0.1 % of pixels": float(
                order[: max(1, len(order) // 1000)].sum() / total
            ),
            "steps back in time": self.backward,
            "largest step back, us": self.largest_step_back,
            "repeated events": self.repeated,
        }
        for rank, (length, begin) in enumerate(sorted(self.gaps, reverse=True)[:3], 1):
            facts[f"gap {rank}, ms"] = length / 1e3
            facts[f"gap {rank} begins at, us"] = begin
        return facts


@numba.njit(cache=True)
def _count(
    counts: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8]
) -> None:
    for i in range(len(x)):
        counts[p[i], y[i], x[i]] += 1
