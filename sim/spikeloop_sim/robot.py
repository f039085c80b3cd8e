"""What a simulated robot offers: to a bridge that steps it tick by tick, and to environments.

Frames follow REP-103 (x forward, y left, z up; SI units; quaternions x, y, z, w).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events

if TYPE_CHECKING:
    from spikeloop_sim.true_view import TrueView

SensorKind = Literal[
    "range",
    "imu",
    "odometry",
    "vector",
    "joints",
    "contact",
    "cloud",
    "events",
    "image",
    "camera_info",
    "truth",
]
CommandKind = Literal["actuators", "cmd_vel"]
TWIST = ("linear.x", "linear.y", "linear.z", "angular.x", "angular.y", "angular.z")
"""Elements of a command of kind `cmd_vel`, m/s and rad/s."""


@dataclass(frozen=True)
class SensorSpec:
    """One sensor of a robot.

    Attributes:
        topic: relative name of its topic, which is also its name in `Robot.read`.
        kind: which reading it gives.
        period_ticks: a sample falls due whenever the tick is a multiple of this, tick 0 included;
            0 for what is told once, at the start.
        frame_id: frame of its readings.
        costly: whether it takes so long that it is left out where nobody reads it.

    """

    topic: str
    kind: SensorKind
    period_ticks: int
    frame_id: str
    costly: bool = False


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


@dataclass(frozen=True)
class JointReading:
    """Joints: names, positions (rad or m) and velocities."""

    names: tuple[str, ...]
    positions: tuple[float, ...]
    velocities: tuple[float, ...]


@dataclass(frozen=True)
class ContactReading:
    """Whether a bumper was touched since the last sample."""

    touched: bool


@dataclass(frozen=True)
class CloudReading:
    """A scan: (rows, columns) records of `spikeloop_sim.lidar.POINT`, NaN where nothing came."""

    points: NDArray[np.void]


@dataclass(frozen=True)
class EventsReading:
    """Events since the last sample, in order."""

    events: Events


@dataclass(frozen=True)
class ImageReading:
    """A grey picture, (height, width) uint8."""

    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class CameraInfoReading:
    """A lens without distortion: size and focal lengths in px, principal point at (cx, cy)."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float


@dataclass(frozen=True)
class TruthReading:
    """Ground truth of the event camera for one topic, such as `truth/flow`."""

    topic: str
    view: TrueView


Reading = (
    RangeReading
    | ImuReading
    | OdometryReading
    | VectorReading
    | JointReading
    | ContactReading
    | CloudReading
    | EventsReading
    | ImageReading
    | CameraInfoReading
    | TruthReading
)


@dataclass(frozen=True)
class Frame:
    """Where a frame is fixed in its parent: position (3,) m, quaternion x, y, z, w."""

    parent: str
    name: str
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    orientation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Surroundings:
    """What a robot's world is, for guides and for a plan in the report.

    Attributes:
        world: its name.
        seed: its seed.
        outlines: closed polygons of what stands in the way, each (n, 2), m in `map`.
        goal: (3,) m; None where the world has none.
        route: (n, 3) x, y and heading of places along the way, or (n, 4) x, y, z and heading.

    """

    world: str
    seed: int
    outlines: tuple[NDArray[np.float64], ...] = ()
    goal: tuple[float, float, float] | None = None
    route: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))

    def as_plan(self) -> dict[str, Any]:
        """As a report has it: plain lists, to the millimetre."""
        return {
            "world": self.world,
            "seed": self.seed,
            "outlines": [np.round(outline, 3).tolist() for outline in self.outlines],
            "goal": None if self.goal is None else [round(value, 3) for value in self.goal],
            "route": np.round(self.route, 3).tolist(),
        }


class Robot(Protocol):
    """A simulated robot in its world.

    Everything that follows `reset(seed)` depends on the seed and the commands alone: not on the
    wall clock, on earlier episodes, or on which sensors exist and how often they are read.
    """

    @property
    def tick_s(self) -> float:
        """Duration of a tick, s."""

    @property
    def command_kind(self) -> CommandKind:
        """Whether it takes normalised commands of actuators, or the velocities of `TWIST`."""

    @property
    def actuator_names(self) -> tuple[str, ...]:
        """Names of the elements of a command, in its order."""

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
            command: (actuators,) float64; normalised and clipped to [-1, 1], or as `TWIST`.

        Raises:
            ValueError: wrong shape or a non-finite value, naming the actuator; nothing moves.

        """

    def read(self, topic: str) -> Reading:
        """The newest sample that has fallen due. Raises KeyError for an unknown topic."""

    def truth(self) -> dict[str, float]:
        """Named scalars of the true state now; the robot documents names and units."""


@runtime_checkable
class EmbodiedRobot(Protocol):
    """A robot that is built of links and stands in a world; beside `Robot`."""

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Frames that are fixed to one another, for /tf_static."""

    @property
    def description(self) -> str:
        """Its URDF; empty where it has none."""

    @property
    def surroundings(self) -> Surroundings | None:
        """The world of the present episode; None where there is none to tell of."""

    def leave_out(self, topics: Collection[str]) -> None:
        """Don't simulate these sensors; the others read the same."""


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
