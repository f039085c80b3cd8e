"""Follows a lane: curvature ahead is driven, offset and heading error are fed back.

The linear law of path following for a unicycle (de Luca, Oriolo and Samson, "Feedback control of a
nonholonomic car-like robot", in Laumond, Robot Motion Planning and Control, 1998, section 4): gains
of the natural frequency a and damping z give -a^2 v offset - 2 z a v heading error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class LaneFollowerConfig:
    """How fast, and how hard it steers."""

    speed: float = parameter(2.0, "Cruising speed.", unit="m/s", low=0.05, high=10.0)
    turn_rate: float = parameter(1.5, "Largest turn rate.", unit="rad/s", low=0.05, high=8.0)
    side_acceleration: float = parameter(
        1.0, "Largest in a bend, where it slows down for that.", unit="m/s^2", low=0.05, high=10.0
    )
    stiffness: float = parameter(
        0.7, "Natural frequency of the way back, over the way.", unit="1/m", low=0.05, high=5.0
    )
    damping: float = parameter(1.0, "Damping of the way back.", low=0.2, high=3.0)


def steer(
    offset: float, heading_error: float, curvature: float, config: LaneFollowerConfig
) -> tuple[float, float]:
    """Speed, m/s, and turn rate, rad/s, left of 0.

    Args:
        offset: m to the left of the lane's middle.
        heading_error: rad to the left of the lane's direction.
        curvature: 1/m of the lane ahead, to the left.
        config: see there.

    Raises:
        ValueError: a value isn't finite.

    """
    if not all(map(math.isfinite, (offset, heading_error, curvature))):
        raise ValueError("offset, heading error and curvature must be finite")
    bend = math.sqrt(config.side_acceleration / max(abs(curvature), 1e-9))
    # Across the lane it drives slowly, and backwards to it not at all.
    speed = min(config.speed, bend) * max(math.cos(heading_error), 0.0)
    a, z = config.stiffness, config.damping
    # A long way off, it heads for the lane at an angle, not in circles.
    aside = min(max(offset, -1.0 / a), 1.0 / a)
    back = a * a * aside + 2.0 * z * a * math.sin(heading_error)
    turn = speed * curvature - max(speed, 0.2) * back
    return speed, min(max(turn, -config.turn_rate), config.turn_rate)
