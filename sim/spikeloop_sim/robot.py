"""What a simulated robot offers: to a bridge that steps it tick by tick, and to environments.

Frames follow REP-103 (x forward, y left, z up; SI units; quaternions x, y, z, w).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

SensorKind = Literal["range", "imu", "odometry", "vector"]


@dataclass(frozen=True)
class SensorSpec:
    """One sensor of a robot.

    Attributes:
        topic: relative name of its topic, which is also its name in `Robot.read`.
        kind: which reading it gives.
        period_ticks: a sample falls due whenever the tick is a multiple of this, tick 0 included.
        frame_id: frame of its readings.

    """

    topic: str
    kind: SensorKind
    period_ticks: int
    frame_id: str


@dataclass(frozen=True)
class RangeReading:
    """A distance along the sensor's axis; as in REP 117 +inf is beyond the range, -inf below it.

    Attributes:
        distance: m.
        min_range: m.
        max_range: m.
        field_of_view: full angle of the cone, rad.

    """

    distance: float
    min_range: float
    max_range: float
    field_of_view: float


@dataclass(frozen=True)
class ImuReading:
    """Rates and specific force in the sensor's frame; at rest the latter is +9.81 along up.

    Attributes:
        angular_velocity: (3,) rad/s.
        linear_acceleration: (3,) m/s^2.

    """

    angular_velocity: tuple[float, float, float]
    linear_acceleration: tuple[float, float, float]


@dataclass(frozen=True)
class OdometryReading:
    """Pose of `child_frame_id` in the sensor's frame, twist in the child frame.

    Attributes:
        position: (3,) m.
        orientation: (4,) unit quaternion x, y, z, w.
        linear_velocity: (3,) m/s.
        angular_velocity: (3,) rad/s.
        child_frame_id: name of the moving frame.

    """

    position: tuple[float, float, float]
    orientation: tuple[float, float, float, float]
    linear_velocity: tuple[float, float, float]
    angular_velocity: tuple[float, float, float]
    child_frame_id: str


@dataclass(frozen=True)
class VectorReading:
    """Named numbers, such as an observation of an environment.

    Attributes:
        labels: name of each value.
        values: in the units that the robot documents.

    """

    labels: tuple[str, ...]
    values: tuple[float, ...]


Reading = RangeReading | ImuReading | OdometryReading | VectorReading


class Robot(Protocol):
    """A simulated robot in its world.

    Everything that follows `reset(seed)` depends on the seed and the commands alone: not on the
    wall clock, on earlier episodes, or on which sensors exist and how often they are read.
    """

    @property
    def tick_s(self) -> float:
        """Duration of a tick, s."""

    @property
    def actuator_names(self) -> tuple[str, ...]:
        """Names of the actuators, in the order of a command."""

    @property
    def sensors(self) -> tuple[SensorSpec, ...]:
        """The sensors, in the order in which their messages go out."""

    @property
    def safe_command(self) -> NDArray[np.float64]:
        """The command that is applied where no valid one is there; (actuators,)."""

    def reset(self, seed: int) -> None:
        """Start an episode at tick 0. Raises ValueError for a negative seed."""

    def step(self, command: NDArray[np.float64]) -> None:
        """Advance by one tick.

        Args:
            command: (actuators,) float64, normalised; clipped to [-1, 1].

        Raises:
            ValueError: wrong shape or a non-finite value, naming the actuator; nothing moves.

        """

    def read(self, topic: str) -> Reading:
        """The newest sample that has fallen due. Raises KeyError for an unknown topic."""

    def truth(self) -> dict[str, float]:
        """Named scalars of the true state now; the robot documents names and units."""


def checked_command(command: NDArray[np.float64], actuator_names: Sequence[str]) -> list[float]:
    """The command clipped to [-1, 1], as floats; errors as `Robot.step` says."""
    if np.shape(command) != (len(actuator_names),):
        raise ValueError(
            f"a command has one value for each of {', '.join(actuator_names)}; "
            f"this one has the shape {np.shape(command)}"
        )
    values: list[float] = command.tolist()
    for name, value in zip(actuator_names, values, strict=True):
        if not math.isfinite(value):
            raise ValueError(f"the command for actuator '{name}' is {value}; it must be finite")
    return [min(max(value, -1.0), 1.0) for value in values]


def no_such_topic(topic: str, sensors: Sequence[SensorSpec]) -> KeyError:
    """The error for a topic that none of the sensors has."""
    return KeyError(
        f"no sensor '{topic}'; there are: {', '.join(spec.topic for spec in sensors) or 'none'}"
    )


def random_stream(seed: int, name: str) -> np.random.Generator:
    """A generator of its own for each seed and name, so that one consumer can't shift another.

    Raises:
        ValueError: the seed is negative.

    """
    if seed < 0:
        raise ValueError(f"seed must be at least 0, not {seed}")
    return np.random.default_rng((seed, zlib.crc32(name.encode())))
