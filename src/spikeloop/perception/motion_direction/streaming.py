"""The motion detector event by event: each spike is delivered once after each of its delays.

Evidence waits in a ring of pictures, one a delay. Costs go by the spikes; what comes out equals
`MotionDetector` but for rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
        self._synapses = _synapses(kernel)
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
        # By rows, so that neighbours, which tell of the same places, follow one another.
        found = np.argwhere(spikes.transpose(1, 2, 0)).astype(np.int32)
        added = _deliver(found, *self._synapses, self._ring, self._arrived, self._now)
        motion = np.empty(self._shape, np.int16)
        winners = _decide(
            self._ring[self._now], self._arrived[self._now], self._bias,
            np.float32(self.certainty), self.least, motion,
        )  # fmt: skip
        self._now = (self._now + 1) % self.delays
        return Step(motion, int(added), int(np.count_nonzero(spikes)), int(winners))


def _synapses(kernel: Floats) -> tuple[NDArray[Any], ...]:
    """Weights that aren't 0, by polarity, delay and place.

    Returns:
        begin: (2, delays + 1) int64, the first place of each polarity and delay.
        places: (n, 2) int32, row and column from a spike to a place that it tells of.
        first: (n + 1,) int64, the first weight of each place.
        classes: (m,) int32, of each weight; ON and OFF exchanged are further ones.
        weights: (m,) float32.

    """
    both = np.concatenate([kernel, kernel[:, :, ::-1]])
    half, delays = kernel.shape[-1] // 2, kernel.shape[1]
    polarity, delay, row, column, label = np.nonzero(both.transpose(2, 1, 3, 4, 0))
    weights = both[label, delay, polarity, row, column].astype(np.float32)
    sizes = (2, delays, *kernel.shape[3:])
    flat = np.ravel_multi_index((polarity, delay, row, column), sizes)
    known, first = np.unique(flat, return_index=True)
    _, _, place_row, place_column = np.unravel_index(known, sizes)
    places = np.stack([half - place_row, half - place_column], axis=1).astype(np.int32)
    lot = kernel.shape[3] * kernel.shape[4]
    at = (np.arange(2)[:, None] * delays + np.arange(delays + 1)) * lot
    begin = np.searchsorted(known, at)
    return begin, places, np.r_[first, len(weights)], label.astype(np.int32), weights


@njit(cache=True)
def _deliver(  # type: ignore[no-untyped-def]
    spikes, begin, places, first, classes, weights, ring, arrived, now
):
    """One delay after the other: the evidence of all would not fit into a cache."""
    delays, height, width, both = ring.shape
    half = 0
    for k in range(len(places)):
        half = max(half, abs(places[k, 0]), abs(places[k, 1]))
    # From the evidence of a spike's own place to that which each weight adds to.
    offsets = np.empty(len(weights), np.int64)
    for k in range(len(places)):
        for e in range(first[k], first[k + 1]):
            offsets[e] = (places[k, 0] * width + places[k, 1]) * both + classes[e]
    added = 0
    for delay in range(delays):
        evidence = ring[(now + delay) % delays].reshape(-1)
        here = arrived[(now + delay) % delays]
        for n in range(len(spikes)):
            y, x, p = spikes[n]
            low, high = begin[p, delay], begin[p, delay + 1]
            origin = (y * width + x) * both
            if half <= y < height - half and half <= x < width - half:
                for e in range(first[low], first[high]):
                    evidence[np.uint64(origin + offsets[e])] += weights[e]
                for k in range(low, high):
                    here[np.uint64(y + places[k, 0]), np.uint64(x + places[k, 1])] += 1
                added += first[high] - first[low]
                continue
            for k in range(low, high):
                r, c = y + places[k, 0], x + places[k, 1]
                if 0 <= r < height and 0 <= c < width:
                    here[r, c] += 1
                    for e in range(first[k], first[k + 1]):
                        evidence[origin + offsets[e]] += weights[e]
                    added += first[k + 1] - first[k]
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
                # Each part is above 0, so what is beyond the limit can't win any more.
                for c in range(classes):
                    total += np.exp(evidence[y, x, c] - most)
                    if total * certainty > 1.0:
                        break
                if total * certainty <= 1.0:
                    motion[y, x] = best
                    winners += 1
            arrived[y, x] = 0
            for c in range(both):
                evidence[y, x, c] = 0.0
    return winners
