"""From a point of the search to weights: bounds, scales and start values.

Ranges and start values follow arXiv 2309.12937 and its published code, widened where the plants
of this project asked for it (long leaks, small thresholds). Leaks are searched by the logarithm
of 1 - leak and thresholds by their logarithm, so that a step means the same everywhere. A point
has no bounds: x goes to the range by (1 - cos(pi x)) / 2, so a search can't drift out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeloop.control.spiking_pid.network import NETWORKS, PAIRS, ROWS, Weights

Floats = NDArray[np.float64]

NETWORK_SIZE = len(ROWS) * PAIRS + 1
SIZE = len(NETWORKS) * NETWORK_SIZE

LEAST_DECAY, MOST_DECAY = 0.002, 1.0
"""Range of 1 - leak: time constants up to 50 s at 10 Hz."""

RANGES = {
    "encoding_weight": (-5.0, 5.0),
    "encoding_bias": (-1.0, 1.0),
    "encoding_threshold": (0.02, 20.0),
    "hidden_same": (-2.0, 2.0),
    "hidden_cross": (-2.0, 2.0),
    "hidden_bias": (-1.0, 1.0),
    "hidden_threshold": (0.05, 20.0),
    "adaptation": (-1.0, 1.0),
    "output_weight": (-1.0, 1.0),
}
_LEAKS = tuple(name for name in ROWS if name.endswith("leak"))
_LOGARITHMIC = ("encoding_threshold", "hidden_threshold")


def _to_fraction(x: Floats) -> Floats:
    return np.asarray((1.0 - np.cos(np.pi * x)) / 2.0)


def _from_fraction(fraction: Floats) -> Floats:
    return np.asarray(np.arccos(1.0 - 2.0 * np.clip(fraction, 0.0, 1.0)) / np.pi)


def _leak(fraction: Floats) -> Floats:
    return np.asarray(1.0 - MOST_DECAY * (LEAST_DECAY / MOST_DECAY) ** fraction)


def _leak_fraction(leak: Floats) -> Floats:
    return np.asarray(np.log((1.0 - leak) / MOST_DECAY) / np.log(LEAST_DECAY / MOST_DECAY))


def to_pairs(points: Floats) -> tuple[Floats, Floats]:
    """Parameters of one network for each point.

    Args:
        points: (n, 281) float64.

    Returns:
        pairs (n, 14, 20) and output leaks (n,).

    """
    fraction = _to_fraction(points)
    pairs = fraction[:, :-1].reshape(-1, len(ROWS), PAIRS).copy()
    for row, name in enumerate(ROWS):
        if name in _LEAKS:
            pairs[:, row] = _leak(pairs[:, row])
        elif name in _LOGARITHMIC:
            low, high = RANGES[name]
            pairs[:, row] = low * (high / low) ** pairs[:, row]
        else:
            low, high = RANGES[name]
            pairs[:, row] = low + (high - low) * pairs[:, row]
    return pairs, _leak(fraction[:, -1])


def to_point(pairs: Floats, output_leak: float) -> Floats:
    """The point (281,) of a network's parameters (14, 20); the inverse of `to_pairs`."""
    fraction = np.empty((len(ROWS), PAIRS))
    for row, name in enumerate(ROWS):
        if name in _LEAKS:
            fraction[row] = _leak_fraction(pairs[row])
        elif name in _LOGARITHMIC:
            low, high = RANGES[name]
            fraction[row] = np.log(pairs[row] / low) / np.log(high / low)
        else:
            low, high = RANGES[name]
            fraction[row] = (pairs[row] - low) / (high - low)
    last = _leak_fraction(np.array([output_leak]))
    return _from_fraction(np.concatenate([fraction.reshape(-1), last]))


def to_batch(points: Floats) -> tuple[Floats, Floats]:
    """Parameters of both networks: points (n, 562) to pairs (n, 2, 14, 20), leaks (n, 2)."""
    parts = [
        to_pairs(points[:, :NETWORK_SIZE]),
        to_pairs(points[:, NETWORK_SIZE:]),
    ]
    pairs = np.stack([part[0] for part in parts], axis=1)
    return np.ascontiguousarray(pairs), np.stack([part[1] for part in parts], axis=1)


def to_weights(point: Floats) -> Weights:
    """Weights of one point (562,)."""
    pairs, leaks = to_batch(point[None, :])
    return Weights(pairs[0], leaks[0])


def start_point(network: str, random: np.random.Generator) -> Floats:
    """Where the search of one network ("pd" or "i") starts, (281,).

    Thresholds are staggered over the pairs, so that some tell small errors apart and others large
    ones; without that the search fails.
    """
    slow = network == "i"

    def draw(low: float, high: float) -> Floats:
        return random.uniform(low, high, PAIRS)

    stagger = np.linspace(0.0, 1.0, PAIRS)
    values = {
        "encoding_weight": draw(1.0, 1.5),
        "encoding_bias": draw(0.0, 0.3),
        "encoding_current_leak": draw(0.1, 0.6),
        "encoding_voltage_leak": draw(0.3, 0.9),
        "encoding_threshold": 0.15 * 40.0**stagger,
        "hidden_same": draw(1.0, 1.5),
        "hidden_cross": draw(-0.3, 0.0),
        "hidden_bias": draw(0.0, 0.2),
        "hidden_current_leak": draw(0.1, 0.9 if slow else 0.6),
        "hidden_voltage_leak": draw(0.3, 0.95 if slow else 0.9),
        "hidden_threshold": random.permutation(0.8 * 3.0**stagger),
        "adaptation": draw(0.01, 0.1),
        "adaptation_leak": draw(0.9, 0.99) if slow else draw(0.1, 0.9),
        "output_weight": draw(0.02, 0.2),
    }
    pairs = np.stack([values[name] for name in ROWS])
    return to_point(pairs, 0.98 if slow else 0.3)
