"""A LiDAR's scan as the distance to the nearest obstacle in each direction."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

SECTORS, RANGE_M = 36, 10.0
LOW_M, HIGH_M = -0.27, 0.12
"""Heights in the LiDAR's frame between which a point is an obstacle of the rover's."""


def xyz_of(points: NDArray[np.void]) -> NDArray[np.float64]:
    """Records with x, y and z as (n, 3)."""
    return np.stack([points[name].reshape(-1) for name in "xyz"], 1).astype(np.float64)


def sectors(points: NDArray[Any]) -> NDArray[np.float64]:
    """Distance to the nearest obstacle in each sector, (36,) m, at most 10: ahead, then left.

    Args:
        points: (n, 3) in the LiDAR's frame, m; NaN where nothing came back.

    """
    x, y, z = points.T
    there = np.isfinite(x) & (z > LOW_M) & (z < HIGH_M)
    x, y = x[there], y[there]
    width = 2.0 * math.pi / SECTORS
    sector = np.floor(np.arctan2(y, x) / width + 0.5).astype(np.int64) % SECTORS
    nearest = np.full(SECTORS, RANGE_M)
    np.minimum.at(nearest, sector, np.hypot(x, y))
    return nearest
