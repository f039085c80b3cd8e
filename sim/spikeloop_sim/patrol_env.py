"""Driving to a goal past obstacles as Gymnasium environment: corridor, office, road."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from spikeloop.control.flow_strips import FASTEST, STRIPS
from spikeloop.rotation import wrapped, yaw_of
from spikeloop_sim.drive_env import (
    ARRIVAL,
    COLLISION,
    TIME_PRICE,
    DriveEnv,
    seen_box,
    within,
)
from spikeloop_sim.flow_sense import CAMERA, FlowSense
from spikeloop_sim.robot import OdometryReading
from spikeloop_sim.robot_env import Action, Observation

GOAL_M, GOAL_LIMIT_M = 0.8, 1000.0
ROAD_SPEED = 3.0


class PatrolEnv(DriveEnv):
    """Drive to the goal of a procedural world; one action is one decision at 10 Hz.

    Observation: Box (40,) float32: distance in m to the nearest obstacle in each of 36 sectors,
    at most 10, the first one ahead and on to the left; then distance to the goal in m and its
    bearing from the heading in rad (-pi to pi, left positive), both by odometry, and the robot's
    speed in m/s and turn rate in rad/s. With `flow` it is (48,): next come the rates at which
    things pass in 8 strips of an event camera's picture, see `spikeloop.control.flow_strips`.

    Action: Box (2,) float32 from -1 to 1: speed and turn rate in parts of the base's limits;
    backwards in parts of its speed backwards.

    Reward: metres that the robot came nearer to the goal, minus 0.02 a decision; 10 at the goal,
    -10 when something is touched.

    An episode terminates at the goal (within 0.8 m) or when something is touched; registered ones
    are truncated after 900 decisions, 90 s. Each seed makes a world and the robot's parts. Worlds
    come from the split `train`, or from `test`, in which missions drive and nothing is trained.

    Info: every value of the robot's `truth`, with `goal_distance` (m, true), `is_success`,
    `world_seed` and `time_s`.
    """

    def __init__(
        self,
        world: str = "corridor",
        render_mode: str | None = None,
        split: str = "train",
        width: int = 320,
        height: int = 240,
        world_parameters: Mapping[str, object] | None = None,
        flow: bool = False,
        **config: Any,
    ) -> None:
        """Build the robot; keywords beside its own are those of `DiffDriveConfig`.

        Raises:
            ValueError: an unknown split or world, or one without a goal; flow without a camera.
            ParameterError: a keyword that `DiffDriveConfig` doesn't have, or a bad value.

        """
        chosen = CAMERA | config if flow else config
        super().__init__(world, render_mode, split, (width, height), world_parameters, chosen)
        self._flow = FlowSense(self._drive) if flow else None
        if self._flow is not None:
            self.listeners.append(self._flow.listen)
        speed, turn = self._drive.config.speed, self._drive.config.turn_rate
        self.observation_space = seen_box(
            [
                (0.0, GOAL_LIMIT_M),
                (-math.pi, math.pi),
                (-2.0 * speed, 2.0 * speed),
                (-2.0 * turn, 2.0 * turn),
                *[(-FASTEST, FASTEST)] * (STRIPS if flow else 0),
            ]
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode in another world; with a seed, all depends on it alone."""
        super().reset(seed=seed)
        self.begin(seed)
        goal = self._drive.world.surroundings.goal
        if goal is None:
            raise ValueError(f"world '{self._drive.world.scene.name}' has no goal to drive to")
        self._goal = (float(goal[0]), float(goal[1]))
        truth = self._drive.truth()
        self._distance = self._to_goal(truth)
        if self._flow is not None:
            self._flow.reset()
        self.show()
        return self._observation(), self._info(truth, False)

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Drive for 0.1 s.

        Raises:
            ValueError: the action isn't two finite values.

        """
        truth = self.drive(action)
        distance = self._to_goal(truth)
        arrived, bumped = distance <= GOAL_M, truth["collisions"] > 0.0
        reward = (self._distance - distance) - TIME_PRICE
        reward += ARRIVAL * arrived - COLLISION * bumped
        self._distance = distance
        self.show()
        info = self._info(truth, arrived and not bumped)
        return self._observation(), float(reward), bool(arrived or bumped), False, info

    def _to_goal(self, truth: dict[str, float]) -> float:
        return math.dist((truth["x"], truth["y"]), self._goal)

    def _observation(self) -> Observation:
        odometry = self._drive.read("odom")
        if not isinstance(odometry, OdometryReading):
            raise TypeError("the robot's odometry gives another reading than it should")
        x, y, _ = odometry.position
        yaw = yaw_of(*odometry.orientation)
        away = (self._goal[0] - x, self._goal[1] - y)
        bearing = wrapped(math.atan2(away[1], away[0]) - yaw)
        state = (
            min(math.hypot(*away), GOAL_LIMIT_M),
            bearing,
            odometry.linear_velocity[0],
            odometry.angular_velocity[2],
        )
        passing = () if self._flow is None else self._flow.take(odometry.angular_velocity[2])
        return within(self.observation_space, self.around(), state, passing)

    def _info(self, truth: dict[str, float], arrived: bool) -> dict[str, Any]:
        return self.told(truth, arrived) | {"goal_distance": self._distance}


class CorridorPatrolEnv(PatrolEnv):
    """`PatrolEnv` in a corridor with bends and obstacles."""

    def __init__(self, render_mode: str | None = None, **options: Any) -> None:
        """Options as of `PatrolEnv`."""
        super().__init__("corridor", render_mode, **options)


class OfficePatrolEnv(PatrolEnv):
    """`PatrolEnv` through the rooms of an office."""

    def __init__(self, render_mode: str | None = None, **options: Any) -> None:
        """Options as of `PatrolEnv`."""
        super().__init__("office", render_mode, **options)


class RoadPatrolEnv(PatrolEnv):
    """`PatrolEnv` down a street among cars, cyclists and pedestrians, at up to 3 m/s."""

    def __init__(self, render_mode: str | None = None, **options: Any) -> None:
        """Options as of `PatrolEnv`."""
        super().__init__("road", render_mode, **({"speed": ROAD_SPEED} | options))
