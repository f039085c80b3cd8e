"""A multilayer perceptron, the circuit's baseline: two layers of 64 tanh, as in the paper."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
HIDDEN = 64


def size_of(observations: int, joints: int) -> int:
    """Number of weights."""
    return (observations + 1) * HIDDEN + (HIDDEN + 1) * HIDDEN + (HIDDEN + 1) * joints


def initial(observations: int, joints: int, seed: int) -> Floats:
    """Weights before any learning: normal over the root of the fan-in, the last layer small."""
    random = np.random.default_rng((seed, 3))
    parts = []
    for inputs, outputs, gain in (
        (observations, HIDDEN, 1.0),
        (HIDDEN, HIDDEN, 1.0),
        (HIDDEN, joints, 0.1),
    ):
        weight = gain * random.standard_normal((inputs, outputs)) / np.sqrt(inputs)
        parts += [weight.ravel(), np.zeros(outputs)]
    return np.concatenate(parts)


class Perceptrons:
    """n of them."""

    def __init__(self, points: Floats, observations: int, joints: int) -> None:
        """Split weights (n, size) into layers."""
        self._layers, first = [], 0
        for inputs, outputs in ((observations, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, joints)):
            middle, end = first + inputs * outputs, first + (inputs + 1) * outputs
            weight = points[:, first:middle].reshape(-1, inputs, outputs)
            self._layers.append((weight, points[:, middle:end]))
            first = end

    def act(self, observation: Floats) -> Floats:
        """Torques (n, joints), -1 to 1, of observations (n, observations)."""
        x = observation
        for weight, bias in self._layers:
            x = np.tanh((x[:, None] @ weight)[:, 0] + bias)
        return x
