"""Vehicles that follow one another along a lane and stop at a crossing.

Car following is the intelligent driver model (Treiber, Hennecke and Helbing, Congested traffic
states in empirical observations and microscopic simulations, 2000, equations 3 and 5): the wish for
the desired speed against the wish for the desired gap to what is in front. A closed crossing is a
standing vehicle at its line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STEP_S = 0.1
_GAP_M, _HEADWAY_S, _BRAKING = 2.0, 1.2, 2.5
_FIRM = 4.0
"""Braking above which a driver no longer stops for a crossing that has just closed, m/s^2."""


@dataclass(frozen=True)
class Crossing:
    """Where people cross a road, and when vehicles have to wait.

    Attributes:
        line_m: where vehicles stop, along their lane.
        period_s: from one opening for people to the next.
        open_s: how long people may start to cross.
        clear_s: how long vehicles wait afterwards.
        shift_s: when people may first cross.

    """

    line_m: float
    period_s: float
    open_s: float
    clear_s: float
    shift_s: float = 0.0

    def closed(self, time_s: float) -> bool:
        """Whether vehicles have to wait."""
        phase = (time_s - self.shift_s) % self.period_s
        return phase < self.open_s + self.clear_s


@dataclass(frozen=True)
class Lane:
    """A lane and those that use it.

    Attributes:
        length_m: after which a vehicle leaves, and comes in again at the beginning.
        speeds: (n,) desired speeds, m/s.
        lengths: (n,) of the vehicles, m.
        acceleration: m/s^2.
        crossings: in this lane's own metres.

    """

    length_m: float
    speeds: Array
    lengths: Array
    acceleration: float
    crossings: tuple[Crossing, ...]


def drive(lane: Lane, places: Array, seconds: float) -> Array:
    """Simulate a lane.

    Args:
        lane: see there.
        places: (n,) where the vehicles' middles start, falling, m.
        seconds: how long.

    Returns:
        (steps + 1, n) way of each vehicle, m, every `STEP_S`; it goes on rising past the lane's
        length, by which it is to be reduced.

    Raises:
        ValueError: the vehicles don't fit into the lane.

    """
    if float(np.sum(lane.lengths + _GAP_M)) > 0.8 * lane.length_m:
        raise ValueError(f"{len(places)} vehicles don't fit into a lane of {lane.length_m:g} m")
    steps = round(seconds / STEP_S)
    out = np.empty((steps + 1, len(places)))
    way, speed = places.astype(float), lane.speeds.copy()
    out[0] = way
    for step in range(1, steps + 1):
        ahead, other = np.roll(way, 1), np.roll(speed, 1)
        gap = (ahead - way) % lane.length_m - 0.5 * (lane.lengths + np.roll(lane.lengths, 1))
        if len(way) == 1:
            gap = np.array([np.inf])
        push = _pull(lane, speed, gap, other)
        for crossing in lane.crossings:
            if crossing.closed(step * STEP_S):
                left = (crossing.line_m - way) % lane.length_m - 0.5 * lane.lengths
                can = (left > 0.0) & (speed**2 < 2.0 * _FIRM * np.maximum(left, 0.05))
                wait = _pull(lane, speed, np.where(can, left + 1.0, np.inf), np.zeros(len(way)))
                push = np.minimum(push, wait)
        before = speed
        speed = np.maximum(speed + STEP_S * push, 0.0)
        way = way + 0.5 * STEP_S * (before + speed)
        out[step] = way
    return out


def _pull(lane: Lane, speed: Array, gap: Array, other: Array) -> Array:
    """Acceleration by equations 3 and 5, m/s^2, not below an emergency braking."""
    gap = np.maximum(gap, 0.1)
    closing = speed * (speed - other) / (2.0 * np.sqrt(lane.acceleration * _BRAKING))
    wanted = _GAP_M + np.maximum(_HEADWAY_S * speed + closing, 0.0)
    free = 1.0 - (speed / lane.speeds) ** 4
    pull: Array = np.maximum(lane.acceleration * (free - (wanted / gap) ** 2), -8.0)
    return pull
