"""Optical flow as controllers see it: how fast things pass in each vertical strip of a picture.

A camera that moves with V and turns with w sees a point at x (in focal lengths, to the right) move
by u = x V / Z + w (1 + x^2) on the horizon (Longuet-Higgins and Prazdny 1980, eq. 2.7). What
turning adds is taken out here, so that 0 means: far away, or nothing seen.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

STRIPS = 8
ROWS = 0.6
"""Part of the picture from its top that counts: below is the ground."""
FASTEST = 3.0
"""Where a strip's rate ends, rad/s."""


def strip_rates(
    flow: NDArray[np.float32], field_rad: float, turn_rate: float
) -> NDArray[np.float64]:
    """Mean horizontal flow of each strip without the robot's turning, (8,) rad/s, left first.

    Args:
        flow: (h, w, 2) pixels/s along columns and rows, NaN where unknown; w is 8 or more.
        field_rad: horizontal field of the camera, rad.
        turn_rate: of the robot, rad/s, left positive.

    Returns:
        To the right positive, from -3 to 3; 0 where nothing is known.

    """
    width = flow.shape[1]
    focal = 0.5 * width / math.tan(0.5 * field_rad)
    x = (np.arange(width) - 0.5 * (width - 1)) / focal
    u = flow[: max(1, round(ROWS * len(flow))), :, 0] / focal - turn_rate * (1.0 + x * x)
    known = np.isfinite(u)
    edges = np.linspace(0, width, STRIPS + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.where(known, u, 0.0).sum(axis=0), edges)
    counts = np.add.reduceat(known.sum(axis=0), edges)
    return np.clip(sums / np.maximum(counts, 1), -FASTEST, FASTEST).astype(np.float64)
