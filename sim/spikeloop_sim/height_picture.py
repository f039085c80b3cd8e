"""A picture of a height and its set-point, for plants that have no shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 320, 240
LOW_M, HIGH_M = -1.0, 5.0
_PAPER, _BAR, _LINE, _GROUND = (245, 245, 245), (22, 104, 184), (26, 153, 77), (120, 120, 120)


def height_picture(height_m: float, setpoint_m: float) -> NDArray[np.uint8]:
    """(240, 320, 3) RGB: a bar from 0 to the height, a line at the set-point; -1 to 5 m."""
    picture = np.full((HEIGHT, WIDTH, 3), _PAPER, np.uint8)
    ground, top, aim = (_row(value) for value in (0.0, height_m, setpoint_m))
    picture[ground : ground + 2] = _GROUND
    low, high = sorted((ground, top))
    picture[low : high + 1, 140:180] = _BAR
    picture[max(aim - 1, 0) : aim + 2, 60:260] = _LINE
    return picture


def _row(value_m: float) -> int:
    part = (HIGH_M - value_m) / (HIGH_M - LOW_M)
    return int(np.clip(round(part * (HEIGHT - 1)), 0, HEIGHT - 2))
