"""One axis of a robot as Gymnasium environment: a set-point, a measurement, one command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.pid import Pid
from spikeloop.control.pid.tour import thrusters
from spikeloop.rotation import wrapped, yaw_of
from spikeloop_sim.blimp import SENSORS, Blimp
from spikeloop_sim.blimp_config import BlimpConfig
from spikeloop_sim.diff_drive import DiffDrive
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.height_picture import height_picture
from spikeloop_sim.quadrotor import ATTITUDE, LABELS, Quadrotor
from spikeloop_sim.robot import OdometryReading, Robot, VectorReading, random_stream
from spikeloop_sim.robot_env import Action, Observation, RobotEnv

SETPOINTS = 4
LIMIT = 1000.0
_TURNING = 0.5
"""Turn rate at which the differential drive keeps its speed, rad/s: so it stays where it is."""

Values = tuple[float, ...]


@dataclass(frozen=True)
class Kind:
    """An axis.

    Attributes:
        build: makes the robot.
        told: what its sensor says of all axes.
        true: the same of its truth.
        index: which of them is the axis.
        command: from the command of the axis, within -1 and 1, and those of `held` to the robot's.
        held: gains of PIDs that hold the other axes where they were at the start, by index.
        low, high: range of set-points, counted from the start.
        least: least step.
        noise: standard deviation that is added to a measurement.
        angles: which of them are angles that go on past half a turn.
        period_s: of a decision.
        hold_s: for how long a set-point holds.

    """

    build: Callable[[], Robot]
    told: Callable[[Robot], Values]
    true: Callable[[dict[str, float]], Values]
    index: int
    command: Callable[[float, Values], Values]
    low: float
    high: float
    least: float
    noise: float = 0.0
    angles: tuple[int, ...] = ()
    held: tuple[tuple[int, PidConfig], ...] = ()
    period_s: float = 0.1
    hold_s: float = 25.0


class AxisEnv(RobotEnv):
    """Follow steps of a set-point along one axis; the others are held by PIDs.

    Observation: Box (2,) float32, measurement and set-point, both counted from where the axis was
    at the start, m, m/s or rad; angles count on past half a turn.

    Action: Box (1,) float32, the command of the axis from -1 to 1.

    Reward: -|set-point - true value|.

    Episodes never terminate; registered ones are truncated after their last set-point.

    Info: every value of the robot's `truth`, with `value` (true value of the axis), `setpoint` and
    `time_s` of the observation.
    """

    def __init__(self, axis: str = "quadrotor_roll", render_mode: str | None = None) -> None:
        """Build the robot.

        Raises:
            ValueError: there is no such axis.

        """
        if axis not in AXES:
            raise ValueError(f"unknown axis '{axis}'; there are: {', '.join(AXES)}")
        self.kind = AXES[axis]
        super().__init__(self.kind.build(), render_mode)
        self._ticks = round(self.kind.period_s / self.robot.tick_s)
        self.observation_space = gymnasium.spaces.Box(-LIMIT, LIMIT, (2,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode; with a seed all depends on it alone."""
        super().reset(seed=seed)
        episode = int(self.np_random.integers(2**20)) if seed is None else seed
        self.robot.reset(episode)
        random = random_stream(episode, "axis")
        self._setpoints = _draw(self.kind, random)
        self._random = random
        self._holders = [(index, Pid(gains)) for index, gains in self.kind.held]
        self._start = np.array(self.kind.true(self.robot.truth()))
        self._count = self._start.copy()
        self._told = np.array(self.kind.told(self.robot))
        self._decision = 0
        self._look()
        self.show()
        return self._observation(), self._info()

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply an action for one decision.

        Raises:
            ValueError: the action isn't one finite value.

        """
        asked = float(np.clip(np.asarray(action, np.float64).reshape(1)[0], -1.0, 1.0))
        told = self._told - self._start
        kept = tuple(
            pid.update(0.0, float(told[index]), self.kind.period_s) for index, pid in self._holders
        )
        self.advance(np.array(self.kind.command(asked, kept)))
        self._decision += 1
        self._look()
        self.show()
        info = self._info()
        return self._observation(), -abs(info["setpoint"] - info["value"]), False, False, info

    def picture(self) -> NDArray[np.uint8]:
        """The value as a height beside its set-point, (240, 320, 3) RGB."""
        span = self.kind.high - self.kind.low
        heights = [
            1.0 + 2.0 * (value - self.kind.low) / span for value in (self._value, self._setpoint())
        ]
        return height_picture(*heights)

    def _setpoint(self) -> float:
        number = int(self._decision * self.kind.period_s / self.kind.hold_s + 1e-9)
        return self._setpoints[min(number, SETPOINTS - 1)]

    def _look(self) -> None:
        """Take over truth and sensor; angles go on from where they were."""
        kind = self.kind
        true, told = np.array(kind.true(self.robot.truth())), np.array(kind.told(self.robot))
        for index in kind.angles:
            true[index] = self._count[index] + wrapped(true[index] - self._count[index])
            told[index] = true[index] + wrapped(told[index] - true[index])
        self._count = true
        self._told = told + kind.noise * self._random.standard_normal(len(told))
        self._value = float(true[kind.index] - self._start[kind.index])

    def _observation(self) -> Observation:
        measured = float(self._told[self.kind.index] - self._start[self.kind.index])
        return np.clip(np.array([measured, self._setpoint()], np.float32), -LIMIT, LIMIT)

    def _info(self) -> dict[str, Any]:
        time_s = self._decision * self.kind.period_s
        return {
            **self.robot.truth(),
            "value": self._value,
            "setpoint": self._setpoint(),
            "time_s": time_s,
        }


def _draw(kind: Kind, random: np.random.Generator) -> list[float]:
    drawn = [0.0]
    while len(drawn) < SETPOINTS:
        value = float(random.uniform(kind.low, kind.high))
        if abs(value - drawn[-1]) >= kind.least:
            drawn.append(value)
    return drawn


def _pose(robot: Robot) -> Values:
    topic = "odom" if isinstance(robot, DiffDrive) else "ground_truth/odom"
    reading = robot.read(topic)
    assert isinstance(reading, OdometryReading)
    return (*reading.position, yaw_of(*reading.orientation))


def _speed(robot: Robot) -> Values:
    reading = robot.read("odom")
    assert isinstance(reading, OdometryReading)
    return (reading.linear_velocity[0],)


def _angles(robot: Robot) -> Values:
    reading = robot.read(ATTITUDE)
    assert isinstance(reading, VectorReading)
    return reading.values


def _place(truth: dict[str, float]) -> Values:
    return truth["x"], truth["y"], truth.get("altitude", 0.0), truth["yaw"]


def _blimp() -> Robot:
    # Light or heavy as ever; the localisation is all that it needs.
    return Blimp(BlimpConfig(), SENSORS[2:])


def _drive() -> Robot:
    config = DiffDriveConfig(lidar="none", event_camera=False, camera=False)
    return DiffDrive(config, "blimp_hall", {"stacks": 0})


_UP = PidConfig()
_HEADING = PidConfig(kp=1.6, ki=0.04, kd=2.4, derivative_filter=0.3)
_ATTITUDE = PidConfig(
    kp=1.4, ki=1.0, kd=0.25, derivative_filter=0.02, output_low=-1.0, output_high=1.0, period=0.01
)

AXES = {
    "blimp_heading": Kind(
        _blimp, _pose, _place, 3, lambda u, kept: thrusters(kept[0], 0.0, u),
        -1.5, 1.5, 0.5, noise=0.01, angles=(3,), held=((2, _UP),),
    ),
    "blimp_forward": Kind(
        _blimp, _pose, _place, 0, lambda u, kept: thrusters(kept[0], u, kept[1]),
        -3.0, 3.0, 1.0, noise=0.02, angles=(3,), held=((2, _UP), (3, _HEADING)), hold_s=40.0,
    ),
    "diff_drive_heading": Kind(
        _drive, _pose, _place, 3, lambda u, kept: (0.0, 0.0, 0.0, 0.0, 0.0, u),
        -1.5, 1.5, 0.5, angles=(3,), hold_s=10.0,
    ),
    "diff_drive_speed": Kind(
        _drive, _speed, lambda truth: (truth["speed"],), 0,
        lambda u, kept: (u, 0.0, 0.0, 0.0, 0.0, _TURNING),
        -0.3, 0.7, 0.2, hold_s=10.0,
    ),
    "quadrotor_roll": Kind(
        Quadrotor, _angles, lambda truth: tuple(truth[name] for name in LABELS), 0,
        lambda u, kept: (u, *kept), -0.4, 0.4, 0.15,
        held=((1, _ATTITUDE), (2, _ATTITUDE)), period_s=0.01, hold_s=2.5,
    ),
    "quadrotor_pitch": Kind(
        Quadrotor, _angles, lambda truth: tuple(truth[name] for name in LABELS), 1,
        lambda u, kept: (kept[0], u, kept[1]), -0.4, 0.4, 0.15,
        held=((0, _ATTITUDE), (2, _ATTITUDE)), period_s=0.01, hold_s=2.5,
    ),
}  # fmt: skip
"""Axes by name."""
