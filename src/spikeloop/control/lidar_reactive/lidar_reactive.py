"""To a goal past obstacles, by the newest scan: the directions that are free, and the best of them.

Candidate directions are weighed as in VFH+ (Ulrich and Borenstein, VFH+: reliable obstacle
avoidance for fast mobile robots, ICRA 1998, eqs. 8-10): angle to the goal, to the heading, and to
the last choice. How far a direction is free is found for a disc that is moved along it, not from a
histogram. A direction that leads back to where the robot has been costs more (Balch and Arkin,
Avoiding the past: a simple but effective strategy for reactive navigation, ICRA 1993), which gets
it out of bends in which the goal lies behind.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from spikeloop.control.lidar_reactive.config import LidarReactiveConfig

DIRECTIONS = 144
BINS = 360
NEAR_M = 1.5
"""Obstacles nearer than this are remembered."""
PAST_LEFT_OUT = 3
"""The newest places of the trail, which every direction leads away from."""

Pose = tuple[float, float, float]


class LidarReactive:
    """One decision a scan: forward speed and turn rate."""

    def __init__(self, config: LidarReactiveConfig) -> None:
        """Know nothing yet."""
        self.config = config
        angles = np.linspace(-math.pi, math.pi, DIRECTIONS, endpoint=False)
        self._angles = angles
        self._units = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        self.reset()

    def reset(self) -> None:
        """Forget the trail, the obstacles and the last choice."""
        self._chosen: float | None = None
        self._trail: list[tuple[float, float]] = []
        self._seen: deque[tuple[float, NDArray[np.float64]]] = deque()

    def decide(
        self, points: NDArray[np.float64], pose: Pose, goal: tuple[float, float], time_s: float
    ) -> tuple[float, float]:
        """Choose a speed and a turn rate.

        Args:
            points: (n, 3) of a scan in the LiDAR's frame, m; NaN where nothing came back.
            pose: x, y (m) and yaw (rad) of base_link by odometry.
            goal: x and y in the same frame as `pose`.
            time_s: of the scan, rising.

        Returns:
            forward speed, m/s, and turn rate, rad/s.

        """
        c = self.config
        obstacles = self._obstacles(points, pose, time_s)
        self._remember(pose)
        x, y, yaw = pose
        ahead = math.hypot(goal[0] - x, goal[1] - y)
        if ahead < c.arrived:
            return 0.0, 0.0
        free = self._free(obstacles)
        to_goal = _wrap(math.atan2(goal[1] - y, goal[0] - x) - yaw)
        # Beyond the goal nothing is in the way.
        enough = min(c.look_ahead, ahead)
        open_part = np.clip((free - c.free_least) / max(enough - c.free_least, 1e-6), 0.0, 1.0)
        last = 0.0 if self._chosen is None else _wrap(self._chosen - yaw)
        cost = (
            c.goal_weight * np.abs(_wrapped(self._angles - to_goal))
            + c.heading_weight * np.abs(self._angles)
            + c.change_weight * np.abs(_wrapped(self._angles - last))
            + c.blocked_weight * (1.0 - open_part)
            + c.past_weight * self._past(pose, free)
        )
        possible = free >= c.free_least
        if not possible.any():
            # Walled in: turn to where there is most room, and see.
            best = int(np.argmax(free))
            self._chosen = _wrap(yaw + float(self._angles[best]))
            return 0.0, self._turn(float(self._angles[best]))
        best = int(np.argmin(np.where(possible, cost, np.inf)))
        angle = float(self._angles[best])
        self._chosen = _wrap(yaw + angle)
        return self._speed(angle, free, ahead), self._turn(angle)

    def _turn(self, angle: float) -> float:
        limit = self.config.turn_rate
        return min(max(self.config.turn_gain * angle, -limit), limit)

    def _speed(self, angle: float, free: NDArray[np.float64], ahead: float) -> float:
        """What can be braked from, along the heading and towards the choice; less in a turn."""
        c = self.config
        if abs(angle) > c.turn_first:
            return 0.0
        straight = int(np.argmin(np.abs(self._angles)))
        chosen = int(np.argmin(np.abs(self._angles - angle)))
        room = max(min(float(free[straight]), float(free[chosen])) - 0.05, 0.0)
        brake = math.sqrt(2.0 * c.deceleration * min(room, max(ahead - 0.5 * c.arrived, 0.0)))
        return min(c.speed, brake) * max(math.cos(angle * 0.5 * math.pi / c.turn_first), 0.0)

    # --- what is in the way ------------------------------------------------------------------

    def _obstacles(
        self, points: NDArray[np.float64], pose: Pose, time_s: float
    ) -> NDArray[np.float64]:
        """(n, 2) in base_link: the nearest of each degree now, and near ones of a moment ago."""
        c = self.config
        height = points[:, 2] + c.lidar_height
        use = np.isfinite(points).all(axis=1) & (height > c.low) & (height < c.high)
        here = _nearest(points[use, :2] + np.array([c.lidar_forward, 0.0]))
        x, y, yaw = pose
        turn = np.array([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
        while self._seen and not 0.0 <= time_s - self._seen[0][0] <= c.memory:
            self._seen.popleft()
        old = [(points - np.array([x, y])) @ turn for _, points in self._seen]
        near = here[np.hypot(*here.T) < NEAR_M]
        self._seen.append((time_s, near @ turn.T + np.array([x, y])))
        return _nearest(np.concatenate([here, *old]))

    def _free(self, obstacles: NDArray[np.float64]) -> NDArray[np.float64]:
        """(directions,) m that a disc can move along each before it touches."""
        radius = self.config.radius + self.config.margin
        far = 4.0 * self.config.look_ahead
        if not len(obstacles):
            return np.full(DIRECTIONS, far)
        along = self._units @ obstacles.T
        across = np.abs(self._units[:, :1] * obstacles[:, 1] - self._units[:, 1:] * obstacles[:, 0])
        hit = (across < radius) & (along > 0.0)
        reach = along - np.sqrt(np.maximum(radius**2 - across**2, 0.0))
        free: NDArray[np.float64] = np.where(hit, reach, far).min(axis=1)
        return np.clip(free, 0.0, far)

    # --- where it has been -------------------------------------------------------------------

    def _remember(self, pose: Pose) -> None:
        place = (pose[0], pose[1])
        if not self._trail or math.dist(self._trail[-1], place) > self.config.past_spacing:
            self._trail.append(place)

    def _past(self, pose: Pose, free: NDArray[np.float64]) -> NDArray[np.float64]:
        """(directions,) 0 to 1: how near to the trail a direction leads."""
        if len(self._trail) <= PAST_LEFT_OUT:
            return np.zeros(DIRECTIONS)
        x, y, yaw = pose
        trail = np.array(self._trail[:-PAST_LEFT_OUT]) - np.array([x, y])
        turn = np.array([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
        trail = trail @ turn
        trail = trail[np.hypot(*trail.T) < 2.0 * self.config.look_ahead]
        if not len(trail):
            return np.zeros(DIRECTIONS)
        way = np.minimum(free, self.config.look_ahead)
        ends = self._units * way[:, None]
        distance = np.hypot(*(ends[:, None] - trail[None]).transpose(2, 0, 1)).min(axis=1)
        near: NDArray[np.float64] = 1.0 - distance / (2.0 * self.config.past_spacing)
        return np.clip(near, 0.0, 1.0)


def _nearest(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest point of each degree around, (n, 2)."""
    if not len(points):
        return points
    distance = np.hypot(*points.T)
    bins = ((np.arctan2(points[:, 1], points[:, 0]) + math.pi) * (BINS / (2.0 * math.pi))).astype(
        np.int64
    ) % BINS
    order = np.lexsort((distance, bins))
    first = np.unique(bins[order], return_index=True)[1]
    return points[order[first]]


def _wrap(angle: float) -> float:
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


def _wrapped(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    return (angles + math.pi) % (2.0 * math.pi) - math.pi
