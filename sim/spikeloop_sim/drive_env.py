"""What environments of driving share: a robot in a world of a seed, LiDAR sectors, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from spikeloop.lidar.sectors import RANGE_M, SECTORS, sectors, xyz_of
from spikeloop.parameters import build_config, suggestion
from spikeloop_sim.chase_picture import ChasePicture
from spikeloop_sim.diff_drive import POINTS, DiffDrive
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.robot import CloudReading
from spikeloop_sim.robot_env import Action, Observation, RobotEnv
from spikeloop_sim.worlds.catalogue import CALIBRATION, TEST

SPLITS = {"train": (0, CALIBRATION), "test": (TEST, TEST)}
"""First world seed of each split, and how many there are."""
TIME_PRICE, ARRIVAL, COLLISION = 0.02, 10.0, 10.0

USUAL: dict[str, object] = {
    "lidar_rows": 8,
    "lidar_columns": 180,
    "event_camera": False,
    "camera": False,
}
"""A light robot: what the observation needs, and no camera."""


def first_seed(split: str) -> tuple[int, int]:
    """First world seed of a split, and how many there are.

    Raises:
        ValueError: there is no such split; the nearest is named.

    """
    if split not in SPLITS:
        raise ValueError(
            f"unknown split '{split}'{suggestion(split, SPLITS)}; there are: {', '.join(SPLITS)}"
        )
    return SPLITS[split]


class DriveEnv(RobotEnv):
    """A differential-drive robot in a procedural world; see the environments made of it.

    Subclasses call `begin` in `reset` and `drive` in `step`.
    """

    def __init__(
        self,
        world: str,
        render_mode: str | None,
        split: str,
        size: tuple[int, int],
        world_parameters: Mapping[str, object] | None,
        config: Mapping[str, object],
    ) -> None:
        """Build the robot.

        Args:
            world: name.
            render_mode: None, "rgb_array" or "human".
            split: from which the worlds' seeds are.
            size: width and height of pictures, px.
            world_parameters: of the world.
            config: of the robot, `DiffDriveConfig`; `USUAL` where it says nothing.

        Raises:
            ValueError: an unknown split or world.
            ParameterError: a parameter that robot or world doesn't have, or a bad value.

        """
        first, self._worlds = first_seed(split)
        chosen = build_config(DiffDriveConfig, USUAL | dict(config))
        if chosen.lidar == "none":
            raise ValueError("parameter 'lidar' must not be 'none': the observation needs it")
        robot = DiffDrive(chosen, world, dict(world_parameters or {}), first_world_seed=first)
        super().__init__(robot, render_mode)
        self._drive = robot
        self._picture: ChasePicture | None = None
        self._size = size
        self._decision = 0
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def begin(self, seed: int | None) -> None:
        """Put the robot at the start of a world; with a seed, all depends on it alone."""
        episode = int(self.np_random.integers(self._worlds)) if seed is None else seed
        self._free_picture()
        self._drive.reset(episode % self._worlds)
        self._decision = 0

    def drive(self, action: Action) -> dict[str, float]:
        """Drive for 0.1 s, and tell the robot's truth.

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
        return self._drive.truth()

    def around(self) -> NDArray[np.float64]:
        """The LiDAR's newest scan by sectors; see `spikeloop.lidar.sectors`."""
        cloud = self._drive.read(POINTS)
        if not isinstance(cloud, CloudReading):
            raise TypeError("the robot's LiDAR gives another reading than it should")
        return sectors(xyz_of(cloud.points))

    def told(self, truth: Mapping[str, float], is_success: bool) -> dict[str, Any]:
        """What every `info` has."""
        return {
            **truth,
            "is_success": is_success,
            "world_seed": self._drive.world.scene.seed,
            "time_s": 0.1 * self._decision,
        }

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


def seen_box(limits: list[tuple[float, float]]) -> gymnasium.spaces.Box:
    """The space of the sectors and of further numbers with these limits."""
    low = [0.0] * SECTORS + [low for low, _ in limits]
    high = [RANGE_M] * SECTORS + [high for _, high in limits]
    return gymnasium.spaces.Box(np.array(low, np.float32), np.array(high, np.float32))


def within(space: Any, *parts: Any) -> Observation:
    """The parts one after another, clipped to a space."""
    seen = np.concatenate(parts).astype(np.float32)
    clipped: Observation = np.clip(seen, space.low, space.high)
    return clipped
