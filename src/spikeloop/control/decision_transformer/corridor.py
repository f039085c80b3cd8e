"""The robot's task: along a corridor to its end, by LiDAR, optical flow, odometry and the goal.

The observation is that of the environment `spikeloop/CorridorPatrol-v0` with flow: 36 distances,
the way to the goal, two speeds, flow in 8 strips of the picture. The networks see distances as
nearness, for what is near matters.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.control.flow_strips import STRIPS
from spikeloop.control.lidar_reactive.config import LidarReactiveConfig
from spikeloop.control.lidar_reactive.lidar_reactive import LidarReactive
from spikeloop.lidar.sectors import SECTORS, sectors, xyz_of
from spikeloop.rotation import wrapped, yaw_of

Doubles = NDArray[np.float64]
Pose = tuple[float, float, float]

OBSERVED, SEEN = SECTORS + 4 + STRIPS, SECTORS + 6 + STRIPS
SPEED, SPEED_BACK, TURN_RATE = 1.0, 0.3, 2.0
"""What actions are parts of: the limits of the base, m/s and rad/s."""
TIME_PRICE = 0.02
SLOW_SPEED = 0.35
"""At which the poorer controller cruises, m/s: half of the expert's."""
MARGIN = 0.15
"""What the experts keep free beside the robot, m: at the 0.08 of `lidar_reactive` a learner that
strays a little touches something."""
NEARNESS_M, GOAL_M = 1.0, 5.0
"""Scale of nearness; where the goal is nearer than this, its distance counts most."""
DECISION_S = 0.1


def observation(
    points: Doubles, pose: Pose, goal: tuple[float, float], speeds: Any, passing: Any
) -> Doubles:
    """What the environment would show, (48,).

    Args:
        points: see `spikeloop.lidar.sectors`.
        pose: x, y (m) and yaw (rad) by odometry.
        goal: x and y in the frame of `pose`.
        speeds: forward, m/s, and turn rate, rad/s, by odometry.
        passing: see `spikeloop.control.flow_strips`.

    """
    away = (goal[0] - pose[0], goal[1] - pose[1])
    bearing = wrapped(math.atan2(away[1], away[0]) - pose[2])
    return np.array([*sectors(points), math.hypot(*away), bearing, *speeds, *passing])


def seen(observed: NDArray[Any]) -> NDArray[Any]:
    """What the networks see of observations (..., 48): (..., 50) of the same type.

    Without flow it is (..., 40) and (..., 42). The whole way to the goal is among it: only with
    that does a return to go tell how well to do.
    """
    away, bearing = observed[..., SECTORS], observed[..., SECTORS + 1]
    way = [np.minimum(away, GOAL_M), away, np.cos(bearing), np.sin(bearing)]
    near = np.exp(-observed[..., :SECTORS] / NEARNESS_M)
    return np.concatenate([near, np.stack(way, -1), observed[..., SECTORS + 2 :]], -1)


def reward(before: Any, action: Any, after: Any) -> float:
    """Metres nearer to the goal, less the price of time."""
    return float(before[SECTORS] - after[SECTORS]) - TIME_PRICE


def command_of(action: Any) -> tuple[float, float]:
    """Speed, m/s, and turn rate, rad/s, of an action (2,) from -1 to 1."""
    speed, turn = float(action[0]), float(action[1])
    return speed * (SPEED if speed > 0.0 else SPEED_BACK), turn * TURN_RATE


class PatrolExpert:
    """`lidar_reactive`, which sees every point of a scan and knows where it has been."""

    def __init__(self, speed: float = LidarReactiveConfig.speed) -> None:
        """Wait for an episode; cruise at a speed, m/s."""
        self._controller = LidarReactive(LidarReactiveConfig(speed=speed, margin=MARGIN))

    def begin(self, environment: Any) -> None:
        """Begin an episode in an environment that was just reset."""
        self._robot = environment.unwrapped.robot
        self._controller.reset()
        self._decisions = 0

    def __call__(self, observed: Doubles) -> Doubles:
        """The action for what the robot's sensors read now."""
        cloud = self._robot.read("lidar/points").points
        points = xyz_of(cloud)
        odometry = self._robot.read("odom")
        goal = self._robot.world.surroundings.goal
        pose = (*odometry.position[:2], yaw_of(*odometry.orientation))
        self._decisions += 1
        speed, turn = self._controller.decide(
            points, pose, (float(goal[0]), float(goal[1])), DECISION_S * self._decisions
        )
        return np.array([speed / SPEED, turn / TURN_RATE])
