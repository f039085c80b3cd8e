"""Flying through the waypoints of a hall as Gymnasium environment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import build_config
from spikeloop.rotation import yaw_of
from spikeloop_sim.blimp import SENSORS
from spikeloop_sim.blimp_config import BlimpConfig
from spikeloop_sim.chase_picture import ChasePicture
from spikeloop_sim.drive_env import ARRIVAL, COLLISION, TIME_PRICE, first_seed
from spikeloop_sim.hall_blimp import PREFIX, HallBlimp
from spikeloop_sim.robot import OdometryReading, RangeReading
from spikeloop_sim.robot_env import Action, Observation, RobotEnv

REACH_M = 0.8
LIMIT_M, SPEED, RATE = 500.0, 10.0, 6.0
VIEW_M = 6.0


class BlimpHallTourEnv(RobotEnv):
    """Fly a blimp through the waypoints of a hall; one action is one decision at 10 Hz.

    Observation: Box (8,) float32: newest altimeter reading in m (at the end of its range where it
    sees nothing); way to the next waypoint in m, forward, to the left and up from the blimp's
    heading, as a localisation would tell it; velocity forward, to the left and up in m/s; turn
    rate in rad/s.

    Action: Box (3,) float32 from -1 to 1: thrusters vertical, left and right.

    Reward: metres that the blimp came nearer to the waypoint, minus 0.02 a decision; 10 for each
    waypoint (within 0.8 m), -10 when something is touched.

    An episode terminates at the last waypoint or when something is touched. Each seed makes a
    hall and the blimp's parts; splits as in `PatrolEnv`.

    Info: every value of the robot's `truth`, with `waypoint` (how many were reached),
    `waypoint_distance` (m), `is_success`, `world_seed` and `time_s`.
    """

    def __init__(
        self,
        render_mode: str | None = None,
        split: str = "train",
        width: int = 320,
        height: int = 240,
        world_parameters: Mapping[str, object] | None = None,
        **config: Any,
    ) -> None:
        """Build the blimp; keywords beside its own are those of `BlimpConfig`.

        Raises:
            ValueError: an unknown split.
            ParameterError: a keyword that `BlimpConfig` doesn't have, or a bad value.

        """
        first, self._worlds = first_seed(split)
        wanted = [spec for spec in SENSORS if spec.kind in ("range", "odometry")]
        chosen = build_config(BlimpConfig, config)
        blimp = HallBlimp(chosen, wanted, "blimp_hall", dict(world_parameters or {}), first)
        super().__init__(blimp, render_mode)
        self._blimp, self._size = blimp, (width, height)
        self._picture: ChasePicture | None = None
        reach = self._altimeter()
        high = np.array([reach.max_range, *[LIMIT_M] * 3, *[SPEED] * 3, RATE], np.float32)
        low = -high
        low[0] = reach.min_range
        self.observation_space = gymnasium.spaces.Box(low, high)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode in another hall; with a seed, all depends on it alone."""
        super().reset(seed=seed)
        episode = int(self.np_random.integers(self._worlds)) if seed is None else seed
        self._free_picture()
        self._blimp.reset(episode % self._worlds)
        scene = self._blimp.scene
        assert scene is not None
        self._waypoints, self._seed = scene.waypoints[:, :3], scene.seed
        self._next = self._decision = 0
        self._distance = float(np.linalg.norm(self._way()))
        self.show()
        return self._observation(), self._info(False)

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Fly for 0.1 s.

        Raises:
            ValueError: the action isn't three finite values.

        """
        self.advance(np.asarray(action, np.float64).reshape(3))
        self._decision += 1
        distance = float(np.linalg.norm(self._way()))
        touched = self._blimp.truth()["touching"] > 0.0
        reward = self._distance - distance - TIME_PRICE - COLLISION * touched
        done = False
        if distance <= REACH_M:
            reward += ARRIVAL
            done = self._next + 1 == len(self._waypoints)
            self._next = min(self._next + 1, len(self._waypoints) - 1)
            distance = float(np.linalg.norm(self._way()))
        self._distance = distance
        self.show()
        info = self._info(done and not touched)
        info["waypoint"] += done
        return self._observation(), float(reward), bool(done or touched), False, info

    def picture(self) -> NDArray[np.uint8]:
        """The blimp from behind and above, (height, width, 3) RGB."""
        if self._picture is None:
            model, data = self._blimp.model, self._blimp.data
            self._picture = ChasePicture(
                model, data, f"{PREFIX}envelope", *self._size, distance_m=VIEW_M
            )
        return self._picture.draw()

    def close(self) -> None:
        """Free the renderer and close the window."""
        self._free_picture()
        super().close()

    def _free_picture(self) -> None:
        if self._picture is not None:
            self._picture.close()
            self._picture = None

    def _altimeter(self) -> RangeReading:
        reading = self._blimp.read("altitude")
        if not isinstance(reading, RangeReading):
            raise TypeError("the altimeter gives another reading than it should")
        return reading

    def _odometry(self) -> OdometryReading:
        reading = self._blimp.read("ground_truth/odom")
        if not isinstance(reading, OdometryReading):
            raise TypeError("'ground_truth/odom' gives another reading than it should")
        return reading

    def _way(self) -> NDArray[np.float64]:
        """To the next waypoint, (3,) m in the world."""
        way: NDArray[np.float64] = self._waypoints[self._next] - self._odometry().position
        return way

    def _observation(self) -> Observation:
        reading, odometry = self._altimeter(), self._odometry()
        height = min(max(reading.distance, reading.min_range), reading.max_range)
        yaw = yaw_of(*odometry.orientation)
        x, y, z = self._way().tolist()
        cos, sin = math.cos(yaw), math.sin(yaw)
        way = (cos * x + sin * y, cos * y - sin * x, z)
        seen = (height, *way, *odometry.linear_velocity, odometry.angular_velocity[2])
        space = self.observation_space
        assert isinstance(space, gymnasium.spaces.Box)
        return np.clip(np.array(seen, np.float32), space.low, space.high)

    def _info(self, is_success: bool) -> dict[str, Any]:
        return {
            **self._blimp.truth(),
            "waypoint": self._next,
            "waypoint_distance": self._distance,
            "is_success": is_success,
            "world_seed": self._seed,
            "time_s": 0.1 * self._decision,
        }
