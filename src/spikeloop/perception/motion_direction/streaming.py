"""The motion detector event by event: each spike is delivered once after each of its delays.

Evidence waits in a ring of pictures, one a delay. Costs go by the spikes; what comes out equals
`MotionDetector` but for rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikeloop.perception.motion_direction.detector import MotionDetector

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Step:
    """What one time step gave.

    Attributes:
        motion: (height, width) int16, the motion that won at each place; -1 where none did.
        accumulates: weights that were added.
        inputs: spikes that came in.
        winners: places where a motion won, which are the spikes of this layer.

    """

    motion: NDArray[np.int16]
    accumulates: int
    inputs: int
    winners: int


class StreamingDetector:
    """Runs a detector on pictures of any size.

    A motion wins at a place where its probability reaches `certainty` and at least `least`
    spikes have arrived within the delays.

    Args:
        detector: trained.
        width: columns of the picture.
        height: rows.
        certainty: see above, from 0 to 1.
        least: see above.

    """

    def __init__(
        self, detector: MotionDetector, width: int, height: int, certainty: float, least: int
    ) -> None:
        layer = detector.layer
        kernel = (layer.weight * layer.mask).detach().numpy()
        assert layer.bias is not None
        self._bias = layer.bias.detach().numpy().astype(np.float32)
        self.certainty, self.least = certainty, least
        self.classes, self.delays = kernel.shape[:2]
        self._entries, self._weights = _entries(kernel)
        self._shape = (height, width)
        self.reset()

    def reset(self) -> None:
        """Forget all spikes."""
        height, width = self._shape
        ring = (self.delays, height, width)
        self._ring = np.zeros((*ring, 2 * self.classes), np.float32)
        self._arrived = np.zeros(ring, np.int32)
        self._now = 0

    def step(self, spikes: NDArray[np.uint8]) -> Step:
        """One time step.

        Args:
            spikes: (2, height, width) of 0 and 1, OFF first.

        Raises:
            ValueError: another shape.

        """
        if spikes.shape != (2, *self._shape):
            raise ValueError(f"spikes must be {(2, *self._shape)}, not {spikes.shape}")
        added = _deliver(spikes, self._entries, self._weights, self._ring, self._arrived, self._now)
        motion = np.empty(self._shape, np.int16)
        winners = _decide(
            self._ring[self._now], self._arrived[self._now], self._bias,
            np.float32(self.certainty), self.least, motion,
        )  # fmt: skip
        self._now = (self._now + 1) % self.delays
        return Step(motion, int(added), int(np.count_nonzero(spikes)), int(winners))


def _entries(kernel: Floats) -> tuple[NDArray[np.int32], Floats]:
    """Weights that aren't 0, by polarity.

    Returns:
        (n, 5) int32: polarity, delay, row and column from a spike to the place it tells of, and
        the class; rows are sorted. ON and OFF exchanged are further classes.

    """
    both = np.concatenate([kernel, kernel[:, :, ::-1]])
    half = kernel.shape[-1] // 2
    polarity, delay, row, column, label = np.nonzero(both.transpose(2, 1, 3, 4, 0))
    weights = both[label, delay, polarity, row, column].astype(np.float32)
    table = np.stack([polarity, delay, half - row, half - column, label], axis=1)
    return table.astype(np.int32), weights


@njit(cache=True)
def _deliver(spikes, entries, weights, ring, arrived, now):  # type: ignore[no-untyped-def]
    delays, height, width, _ = ring.shape
    begin = np.searchsorted(entries[:, 0], 1)
    added = 0
    for p in range(2):
        first, last = (0, begin) if p == 0 else (begin, len(entries))
        for y in range(height):
            for x in range(width):
                if spikes[p, y, x] == 0:
                    continue
                previous = -1
                for e in range(first, last):
                    r, c = y + entries[e, 2], x + entries[e, 3]
                    if r < 0 or r >= height or c < 0 or c >= width:
                        continue
                    slot = (now + entries[e, 1]) % delays
                    ring[slot, r, c, entries[e, 4]] += weights[e]
                    added += 1
                    here = (slot * height + r) * width + c
                    if here != previous:
                        arrived[slot, r, c] += 1
                        previous = here
    return added


@njit(cache=True)
def _decide(evidence, arrived, bias, certainty, least, motion):  # type: ignore[no-untyped-def]
    """Softmax and winner at each place; clears what it has read."""
    height, width, both = evidence.shape
    classes = both // 2
    winners = 0
    for y in range(height):
        for x in range(width):
            motion[y, x] = -1
            if arrived[y, x] == 0:
                continue
            if arrived[y, x] >= least:
                best, most, total = 0, np.float32(-1e30), 0.0
                for c in range(classes):
                    value = max(evidence[y, x, c], evidence[y, x, c + classes]) + bias[c]
                    evidence[y, x, c] = value
                    if value > most:
                        best, most = c, value
                for c in range(classes):
                    total += np.exp(evidence[y, x, c] - most)
                if 1.0 / total >= certainty:
                    motion[y, x] = best
                    winners += 1
            arrived[y, x] = 0
            for c in range(both):
                evidence[y, x, c] = 0.0
    return winners
