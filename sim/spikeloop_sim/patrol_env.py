"""Driving to a goal past obstacles as Gymnasium environment: corridor, office, any such world."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import build_config, suggestion
from spikeloop_sim.chase_picture import ChasePicture
from spikeloop_sim.diff_drive import POINTS, DiffDrive
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.robot import CloudReading, OdometryReading
from spikeloop_sim.robot_env import Action, Observation, RobotEnv
from spikeloop_sim.worlds.catalogue import CALIBRATION, TEST

SPLITS = {"train": (0, CALIBRATION), "test": (TEST, TEST)}
"""First world seed of each split, and how many there are."""

BINS = 36
RANGE_M = 10.0
LOW_M, HIGH_M = -0.27, 0.12
"""Heights in the LiDAR's frame between which a point is an obstacle of the robot's."""
GOAL_M, GOAL_LIMIT_M = 0.8, 1000.0
PROGRESS_PRICE, TIME_PRICE, ARRIVAL, COLLISION = 1.0, 0.02, 10.0, 10.0

USUAL = {
    "lidar_rows": 8,
    "lidar_columns": 180,
    "event_camera": False,
    "camera": False,
}
"""A light robot: what the observation needs, and no camera."""


class PatrolEnv(RobotEnv):
    """Drive to the goal of a procedural world; one action is one decision at 10 Hz.

    Observation: Box (40,) float32: distance in m to the nearest obstacle in each of 36 sectors,
    at most 10, the first one ahead and on to the left; then distance to the goal in m and its
    bearing from the heading in rad (-pi to pi, left positive), both by odometry, and the robot's
    speed in m/s and turn rate in rad/s.

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
        **config: Any,
    ) -> None:
        """Build the robot; keywords beside its own are those of `DiffDriveConfig`.

        Raises:
            ValueError: an unknown split or world, or one without a goal.
            ParameterError: a keyword that `DiffDriveConfig` doesn't have, or a bad value.

        """
        if split not in SPLITS:
            raise ValueError(
                f"unknown split '{split}'{suggestion(split, SPLITS)}; there are: "
                f"{', '.join(SPLITS)}"
            )
        first, self._worlds = SPLITS[split]
        chosen = build_config(DiffDriveConfig, USUAL | config)
        if chosen.lidar == "none":
            raise ValueError("parameter 'lidar' must not be 'none': the observation needs it")
        robot = DiffDrive(chosen, world, first_world_seed=first)
        super().__init__(robot, render_mode)
        self._drive = robot
        self._picture: ChasePicture | None = None
        self._size = (width, height)
        limits = (chosen.speed, chosen.turn_rate)
        low = [0.0] * BINS + [0.0, -math.pi, -2.0 * limits[0], -2.0 * limits[1]]
        high = [RANGE_M] * BINS + [GOAL_LIMIT_M, math.pi, 2.0 * limits[0], 2.0 * limits[1]]
        self.observation_space = gymnasium.spaces.Box(
            np.array(low, np.float32), np.array(high, np.float32)
        )
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode in another world; with a seed, all depends on it alone."""
        super().reset(seed=seed)
        episode = int(self.np_random.integers(self._worlds)) if seed is None else seed
        self._free_picture()
        self._drive.reset(episode % self._worlds)
        goal = self._drive.world.surroundings.goal
        if goal is None:
            raise ValueError(f"world '{self._drive.world.scene.name}' has no goal to drive to")
        self._goal = (float(goal[0]), float(goal[1]))
        self._decision = 0
        truth = self._drive.truth()
        self._distance = self._to_goal(truth)
        self.show()
        return self._observation(), self._info(truth, False)

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Drive for 0.1 s.

        Raises:
            ValueError: the action isn't two finite values.

        """
        speed, turn = np.clip(np.asarray(action, np.float64).reshape(2), -1.0, 1.0).tolist()
        config = self._drive.config
        command = self._drive.safe_command
        command[0] = speed * (config.speed if speed > 0.0 else config.speed_back)
        command[5] = turn * config.turn_rate
        self.advance(command)
        self._decision += 1
        truth = self._drive.truth()
        distance = self._to_goal(truth)
        arrived, bumped = distance <= GOAL_M, truth["collisions"] > 0.0
        reward = PROGRESS_PRICE * (self._distance - distance) - TIME_PRICE
        reward += ARRIVAL * arrived - COLLISION * bumped
        self._distance = distance
        self.show()
        ended = bool(arrived or bumped)
        info = self._info(truth, arrived and not bumped)
        return self._observation(), float(reward), ended, False, info

    def picture(self) -> NDArray[np.uint8]:
        """The robot from behind and above, (height, width, 3) RGB."""
        if self._picture is None:
            world = self._drive.world
            self._picture = ChasePicture(world.model, world.data, "base_link", *self._size)
        return self._picture.draw()

    def close(self) -> None:
        """Free the renderers and close the window."""
        self._free_picture()
        self._drive.close()
        super().close()

    def _free_picture(self) -> None:
        if self._picture is not None:
            self._picture.close()
            self._picture = None

    def _to_goal(self, truth: dict[str, float]) -> float:
        return math.dist((truth["x"], truth["y"]), self._goal)

    def _observation(self) -> Observation:
        cloud, odometry = self._drive.read(POINTS), self._drive.read("odom")
        if not isinstance(cloud, CloudReading) or not isinstance(odometry, OdometryReading):
            raise TypeError("the robot's LiDAR and odometry give other readings than they should")
        x, y, _ = odometry.position
        qx, qy, qz, qw = odometry.orientation
        yaw = math.atan2(2.0 * (qw * qz + qx * qy), 1.0 - 2.0 * (qy * qy + qz * qz))
        away = (self._goal[0] - x, self._goal[1] - y)
        bearing = math.remainder(math.atan2(away[1], away[0]) - yaw, 2.0 * math.pi)
        state = (
            min(math.hypot(*away), GOAL_LIMIT_M),
            bearing,
            odometry.linear_velocity[0],
            odometry.angular_velocity[2],
        )
        seen = np.concatenate([sectors(cloud.points), state]).astype(np.float32)
        space = self.observation_space
        assert isinstance(space, gymnasium.spaces.Box)
        return np.clip(seen, space.low, space.high)

    def _info(self, truth: dict[str, float], arrived: bool) -> dict[str, Any]:
        return {
            **truth,
            "goal_distance": self._distance,
            "is_success": arrived,
            "world_seed": self._drive.world.scene.seed,
            "time_s": 0.1 * self._decision,
        }


def sectors(points: NDArray[np.void]) -> NDArray[np.float64]:
    """Distance to the nearest obstacle in each of 36 sectors, (36,) m, at most 10.

    Args:
        points: records with x, y, z in the LiDAR's frame, NaN where nothing came back.

    """
    x, y, z = (points[name].reshape(-1).astype(np.float64) for name in "xyz")
    there = np.isfinite(x) & (z > LOW_M) & (z < HIGH_M)
    x, y = x[there], y[there]
    width = 2.0 * math.pi / BINS
    sector = np.floor(np.arctan2(y, x) / width + 0.5).astype(np.int64) % BINS
    nearest = np.full(BINS, RANGE_M)
    np.minimum.at(nearest, sector, np.hypot(x, y))
    return nearest


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
