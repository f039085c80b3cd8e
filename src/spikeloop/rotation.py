"""Turns about the vertical."""

from __future__ import annotations

import math


def yaw_of(x: float, y: float, z: float, w: float) -> float:
    """Heading of a unit quaternion x, y, z, w, rad, left positive (REP 103); -pi to pi."""
    return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def wrapped(angle: float) -> float:
    """The same direction within -pi and pi, rad."""
    return math.remainder(angle, 2.0 * math.pi)
