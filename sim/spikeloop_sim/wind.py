"""Wind: a steady part and gusts."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1024


class Wind:
    """Steady wind plus gusts, a first-order Gauss-Markov process on each axis.

    That is the longitudinal Dryden spectrum (MIL-F-8785C) with the time constant as the ratio of
    turbulence length to airspeed, discretised exactly.
    """

    def __init__(
        self,
        steady: tuple[float, float, float],
        deviation: tuple[float, float, float],
        time_constant_s: float,
        tick_s: float,
        random: np.random.Generator,
    ) -> None:
        """Start at a draw from the stationary distribution.

        Args:
            steady: constant part, world frame, m/s.
            deviation: standard deviation of the gusts on each axis, m/s.
            time_constant_s: correlation time of the gusts, s, above 0.
            tick_s: time between two samples, s.
            random: used by this wind alone.

        """
        self._steady = np.array(steady)
        self._deviation = np.array(deviation)
        self._decay = math.exp(-tick_s / time_constant_s)
        self._random = random
        self._gust = self._random.standard_normal(3)
        self._block = np.empty((_BLOCK, 3))
        self._next = _BLOCK

    def sample(self) -> NDArray[np.float64]:
        """Velocity of the air at the next tick, (3,) m/s in the world frame; not to be kept."""
        if self._next == _BLOCK:
            self._draw_block()
        wind: NDArray[np.float64] = self._block[self._next]
        self._next += 1
        return wind

    def _draw_block(self) -> None:
        gust = self._gust
        kicks = math.sqrt(1.0 - self._decay**2) * self._random.standard_normal((_BLOCK, 3))
        for row, kick in zip(self._block, kicks, strict=True):
            gust = self._decay * gust + kick
            row[:] = gust
        self._gust = gust
        self._block *= self._deviation
        self._block += self._steady
        self._next = 0
