"""What a mission asks of the controller: set-points by time, a goal, or the places of a route."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Pose4 = tuple[float, float, float, float]
"""x, y, z (m) and yaw (rad) in the frame `map`."""


class Guide(Protocol):
    """Gives the set-point of each instant, in rising time."""

    def reset(self) -> None:
        """Begin anew, at time 0."""

    def at(self, time_s: float, truth: Mapping[str, float]) -> Pose4:
        """The set-point that holds at a time, by where the robot truly is."""


@dataclass(frozen=True)
class Steps:
    """Set-points by time: (time s, pose), rising, the first at 0. A goal is one of one step."""

    poses: Sequence[tuple[float, Pose4]]

    def reset(self) -> None:
        """Nothing is kept."""

    def at(self, time_s: float, truth: Mapping[str, float]) -> Pose4:
        """The last one whose time has come."""
        return [pose for start, pose in self.poses if start <= time_s][-1]


class Route:
    """Places one after the other, each until the robot is within `reach` of it.

    A place above the ground (z above 0) is reached in all three axes.
    """

    def __init__(self, places: Sequence[Pose4], reach: float) -> None:
        """Take at least one place; `reach` in m."""
        self._places, self._reach = list(places), reach
        self.reset()

    def reset(self) -> None:
        """Begin with the first place."""
        self._next = 0

    def at(self, time_s: float, truth: Mapping[str, float]) -> Pose4:
        """The next place; the last one stays.

        Raises:
            ValueError: the robot doesn't tell where it is.

        """
        place = self._places[self._next]
        if place[2] > 0.0 and "altitude" not in truth:
            raise ValueError(
                "a place above the ground needs 'altitude', which this robot's truth doesn't "
                f"tell; it tells: {', '.join(truth)}"
            )
        if "x" not in truth or "y" not in truth:
            raise ValueError(
                "a route needs 'x' and 'y', which this robot's truth doesn't tell; "
                f"it tells: {', '.join(truth)}"
            )
        while self._next < len(self._places) - 1:
            x, y, z, _ = self._places[self._next]
            up = truth["altitude"] - z if z > 0.0 else 0.0
            if math.hypot(truth["x"] - x, truth["y"] - y, up) > self._reach:
                break
            self._next += 1
        return self._places[self._next]
