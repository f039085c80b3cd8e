"""Where a robot is on the lane of a route: how far along, how far aside, and which way it leads."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop.rotation import wrapped

LOOK_M = 1.5
"""Way ahead over which the curvature is taken."""


@dataclass(frozen=True)
class LanePoint:
    """A pose seen from the lane.

    Attributes:
        way: m along the lane.
        place: number of the place, with fraction; just before the first one it is below 0.
        offset: m to the left of it.
        heading_error: rad, to the left of the lane's direction, -pi to pi.
        curvature: 1/m of the lane ahead, to the left.

    """

    way: float
    place: float
    offset: float
    heading_error: float
    curvature: float


class Lane:
    """The closed line through the places of a route."""

    def __init__(self, route: NDArray[np.float64]) -> None:
        """Take the places, (n, 3) x m, y m, heading rad; the last leads on to the first.

        Raises:
            ValueError: fewer than three places.

        """
        if len(route) < 3:
            raise ValueError(f"a lane has at least 3 places, not {len(route)}")
        self._points = np.asarray(route, np.float64)[:, :2]
        self._steps = np.roll(self._points, -1, axis=0) - self._points
        self._lengths = np.maximum(np.linalg.norm(self._steps, axis=1), 1e-9)
        self._begin = np.concatenate([[0.0], np.cumsum(self._lengths)])
        self._heading = np.unwrap(np.arctan2(self._steps[:, 1], self._steps[:, 0]))

    @property
    def length(self) -> float:
        """Once around, m."""
        return float(self._begin[-1])

    def at(self, x: float, y: float, yaw: float) -> LanePoint:
        """The nearest point of the lane to a pose, m and rad."""
        away = np.array([x, y]) - self._points
        part = np.clip((away * self._steps).sum(1) / self._lengths**2, 0.0, 1.0)
        gap = away - part[:, None] * self._steps
        k = int((gap**2).sum(1).argmin())
        direction = self._steps[k] / self._lengths[k]
        offset = float(direction[0] * away[k, 1] - direction[1] * away[k, 0])
        way = float(self._begin[k] + part[k] * self._lengths[k])
        heading = self.heading(way)
        place = k + float(part[k])
        return LanePoint(
            way,
            place if place < len(self._points) - 0.5 else place - len(self._points),
            offset,
            wrapped(yaw - heading),
            wrapped(self.heading(way + LOOK_M) - heading) / LOOK_M,
        )

    def heading(self, way: float) -> float:
        """Direction of the lane at a way, rad, smooth over its corners."""
        middles = self._begin[:-1] + 0.5 * self._lengths
        turn = self._heading[0] + 2.0 * math.pi * round(
            (self._heading[-1] - self._heading[0]) / (2.0 * math.pi)
        )
        xs = np.append(middles, self.length + middles[0])
        ys = np.append(self._heading, turn)
        at = (way - middles[0]) % self.length + middles[0]
        return float(np.interp(at, xs, ys))

    def pose(self, way: float) -> tuple[float, float, float]:
        """x, y (m) and yaw (rad) at a way along the lane."""
        way %= self.length
        k = min(int(np.searchsorted(self._begin, way, side="right")) - 1, len(self._points) - 1)
        x, y = self._points[k] + (way - self._begin[k]) / self._lengths[k] * self._steps[k]
        return float(x), float(y), self.heading(way)
