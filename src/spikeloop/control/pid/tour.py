"""Flying a blimp with three thrusters from place to place: three axes, each with its controller.

The blimp can't move sideways: it turns towards the place, flies ahead, and climbs or sinks
meanwhile. What decides each axis sees that axis's error and nothing else, so a PID and a spiking
controller can take each other's place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.pid import Pid
from spikeloop.parameters import parameter
from spikeloop.rotation import wrapped

AXES = ("up", "forward", "turn")
Place = tuple[float, float, float, float]
"""x, y, z (m) and heading (rad)."""


class Axis(Protocol):
    """Decides one axis."""

    def reset(self) -> None:
        """Forget everything."""

    def update(self, error: float) -> float:
        """From the error, m or rad, to the normalised command of one decision."""


@dataclass(frozen=True)
class TourConfig:
    """How far ahead each axis looks, and what it may ask for."""

    up_most: float = parameter(
        2.0, "A larger error of the altitude counts as this.", unit="m", low=0.1, high=100.0
    )
    forward_most: float = parameter(
        3.0, "A larger distance ahead counts as this.", unit="m", low=0.1, high=100.0
    )
    near: float = parameter(
        1.0,
        "Nearer than this to the place its direction counts less, for it turns quickly.",
        unit="m",
        low=0.01,
        high=10.0,
    )
    lead: float = parameter(
        3.0,
        "It turns towards the place as seen from where it will be after this time: so it cancels "
        "what it drifts aside.",
        unit="s",
        low=0.0,
        high=20.0,
    )
    turn_most: float = parameter(
        0.5,
        "Share of the side thrusters that turning may take, so that braking keeps the rest.",
        low=0.05,
        high=1.0,
    )
    forget_after: float = parameter(
        1.0, "After a longer pause the controllers begin anew.", unit="s", low=0.0, high=60.0
    )
    hold: float = parameter(
        0.5,
        "How long the last command is kept while the localisation can't be used; then there is "
        "no command, and the gate sends its safe one.",
        unit="s",
        low=0.0,
        high=10.0,
    )
    period: float = parameter(
        0.1, "Time between two commands.", unit="s", low=1e-4, high=60.0, fixed=True
    )


class ErrorPid:
    """A PID that sees the error alone, so its derivative is that of the error."""

    def __init__(self, config: PidConfig) -> None:
        """Start without history."""
        self._pid = Pid(config)

    def reset(self) -> None:
        """Forget integral and derivative."""
        self._pid.reset()

    def update(self, error: float) -> float:
        """One decision; raises ValueError for an error that isn't finite."""
        return self._pid.update(0.0, -error, self._pid.config.period)


class Tour:
    """Three axes and what they are told: from where the blimp is to what its thrusters do."""

    def __init__(self, config: TourConfig, axes: Sequence[Axis]) -> None:
        """Take a controller for each of `AXES`; errors are in m, m and rad.

        Raises:
            ValueError: there aren't three.

        """
        if len(axes) != len(AXES):
            raise ValueError(f"a tour needs a controller for each of {', '.join(AXES)}")
        self.config = config
        self.axes = tuple(axes)
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        for axis in self.axes:
            axis.reset()
        self._turn = 0.0

    def errors(
        self, here: Place, velocity: tuple[float, float], place: Place
    ) -> tuple[float, float, float]:
        """What is missing in each axis, m, m and rad; left is positive.

        Args:
            here: where the blimp is.
            velocity: forward and to the left, m/s.
            place: where it should be; its heading doesn't count.

        The turn goes on past half a turn where it came from there, so that noise can't make it
        jump from one side to the other.

        """
        config = self.config
        east, north = place[0] - here[0], place[1] - here[1]
        cos, sin = math.cos(here[3]), math.sin(here[3])
        ahead, aside = cos * east + sin * north, cos * north - sin * east
        lead = (ahead - config.lead * velocity[0], aside - config.lead * velocity[1])
        bearing = math.atan2(lead[1], lead[0])
        turn = self._turn + wrapped(bearing - self._turn)
        self._turn = turn if abs(turn) <= 1.25 * math.pi else bearing
        forward = min(max(ahead, -config.forward_most), config.forward_most)
        up = min(max(place[2] - here[2], -config.up_most), config.up_most)
        return up, forward, self._turn * min(1.0, math.hypot(*lead) / config.near)

    def decide(
        self, here: Place, velocity: tuple[float, float], place: Place
    ) -> tuple[float, float, float]:
        """Commands of the thrusters vertical, left and right, each within -1 and 1.

        Raises:
            ValueError: a number isn't finite.

        """
        if not all(math.isfinite(value) for value in (*here, *velocity, *place)):
            raise ValueError(f"all must be finite, not {here}, {velocity} and {place}")
        errors = self.errors(here, velocity, place)
        up, forward, turn = (
            axis.update(error) for axis, error in zip(self.axes, errors, strict=True)
        )
        return thrusters(up, forward, turn, self.config.turn_most)


def thrusters(
    up: float, forward: float, turn: float, turn_most: float = 0.5
) -> tuple[float, float, float]:
    """Commands of vertical, left and right for those of the axes, each within -1 and 1.

    Turning comes first, but takes the share `turn_most` of the side thrusters at most.
    """
    turn = turn_most * min(max(turn, -1.0), 1.0)
    room = 1.0 - abs(turn)
    forward = min(max(forward, -room), room)
    return min(max(up, -1.0), 1.0), forward - turn, forward + turn
