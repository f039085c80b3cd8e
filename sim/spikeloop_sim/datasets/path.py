"""The smooth path on which a rig is carried through a world."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from spikeloop_sim.event_camera.optics import Pose, Twist
from spikeloop_sim.robot import random_stream

GRAVITY = 9.81
_STEP_M, _SMOOTH_M, _WANDER_M = 0.25, 0.8, 0.7
_H = 1e-3
_WAVES = 4


@dataclass(frozen=True)
class Carrier:
    """How something moves that carries a rig.

    Attributes:
        height: of the rig over the ground, m.
        speed: m/s.
        bob: standard deviation of its height, m.
        sway: standard deviations of roll, pitch and yaw about the path's, rad.
        hz: where these have most of their power.

    """

    height: float
    speed: float
    bob: float
    sway: tuple[float, float, float]
    hz: float


CARRIED_BY = {
    "rover": Carrier(0.35, 1.0, 0.003, (0.008, 0.008, 0.02), 2.5),
    "handheld": Carrier(1.5, 1.2, 0.03, (0.06, 0.06, 0.12), 1.6),
    "flyer": Carrier(2.0, 2.0, 0.15, (0.08, 0.08, 0.10), 0.8),
    "car": Carrier(1.3, 8.0, 0.01, (0.006, 0.008, 0.01), 1.5),
}


@dataclass(frozen=True)
class Ground:
    """Where a path may go.

    Attributes:
        start: (4,) x, y, z of the ground, yaw.
        route: (n, 2) points to pass; where there are fewer than two the path circles the start.

    """

    start: NDArray[np.float64]
    route: NDArray[np.float64]


class RigPath:
    """Pose, velocities and accelerations of the rig's body (x forward, y left, z up) at any time.

    Along the route by a smoothed cubic spline; a closed route is gone round again and again, an
    open one only once, at a lower speed if need be. Height and angles sway as sums of sines drawn
    from the seed.
    """

    def __init__(
        self, ground: Ground, carrier: Carrier, duration_s: float, seed: int, speed: float = 0.0
    ) -> None:
        """Plan it.

        Args:
            ground: where it leads.
            carrier: how it is gone.
            duration_s: how long it must last, s.
            seed: of the sway.
            speed: m/s; the carrier's where 0.

        """
        self._ground, self._carrier = ground, carrier
        random = random_stream(seed, "recording/path")
        shape = (4, _WAVES)
        self._phase = random.uniform(0.0, 2.0 * math.pi, shape)
        self._rate = 2.0 * math.pi * carrier.hz * random.uniform(0.3, 1.5, shape)
        part = random.dirichlet(np.ones(_WAVES), 4)
        sizes = np.array([carrier.bob, *carrier.sway])
        self._size = sizes[:, None] * np.sqrt(2.0 * part)
        self._pace = random.uniform(0.0, 2.0 * math.pi)
        self._curve, self._length, self._closed = _curve(ground)
        self.speed = speed or carrier.speed
        if self._curve is not None and not self._closed:
            self.speed = min(self.speed, 0.95 * self._length / max(duration_s, 1e-9))

    def pose(self, time_s: float) -> Pose:
        """Of the body, in the world."""
        x, y, yaw = self._on_ground(time_s)
        waves = (self._size * np.sin(self._rate * time_s + self._phase)).sum(axis=1)
        z = self._ground.start[2] + self._carrier.height + waves[0]
        turn = Rotation.from_euler("ZYX", [yaw + waves[3], waves[2], waves[1]]).as_matrix()
        return Pose(np.array([x, y, z]), turn)

    def twist(self, time_s: float) -> Twist:
        """Of the body, in the world's axes, by central differences."""
        before, after = self.pose(time_s - _H), self.pose(time_s + _H)
        turn = Rotation.from_matrix(after.rotation @ before.rotation.T).as_rotvec()
        linear = (after.position - before.position) / (2.0 * _H)
        return Twist(linear, turn / (2.0 * _H))

    def acceleration(self, time_s: float) -> NDArray[np.float64]:
        """(3,) m/s^2 of the body's origin, in the world."""
        before, now, after = (self.pose(time_s + k * _H).position for k in (-1, 0, 1))
        out: NDArray[np.float64] = (after - 2.0 * now + before) / _H**2
        return out

    def inertial(self, time_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What an ideal IMU in the body's origin measures: rates, rad/s, specific force, m/s^2."""
        turn = self.pose(time_s).rotation
        force = self.acceleration(time_s) + np.array([0.0, 0.0, GRAVITY])
        return turn.T @ self.twist(time_s).angular, turn.T @ force

    def _on_ground(self, time_s: float) -> tuple[float, float, float]:
        if self._curve is None:
            # A circle around the start, looking about: all of it stays within 0.7 m.
            angle = self.speed * time_s / _WANDER_M * 0.5 + self._pace
            x, y, _, yaw = self._ground.start
            look = yaw + 0.8 * math.sin(0.5 * time_s + self._pace)
            return x + _WANDER_M * math.cos(angle), y + _WANDER_M * math.sin(angle), look
        # The speed varies by a fifth.
        way = self.speed * (time_s + 0.2 * (1.0 - math.cos(time_s)))
        way = way % self._length if self._closed else min(max(way, 0.0), self._length)
        x, y = self._curve(way)
        dx, dy = self._curve(way, 1)
        return float(x), float(y), math.atan2(dy, dx)


def _curve(ground: Ground) -> tuple[CubicSpline | None, float, bool]:
    """Position over the way along a smoothed route, its length, and whether it is closed."""
    points = np.asarray(ground.route, float).reshape(-1, 2)
    if len(points):
        apart = np.r_[True, np.hypot(*np.diff(points, axis=0).T) > 1e-6]
        points = points[apart]
    if len(points) < 2:
        return None, 0.0, False
    steps = np.hypot(*np.diff(points, axis=0).T)
    # Closed if the last place is as near to the first as places are to each other.
    closed = len(points) > 3 and np.hypot(*(points[0] - points[-1])) < 2.0 * steps.max()
    if closed and np.hypot(*(points[0] - points[-1])) > 1e-6:
        points = np.r_[points, points[:1]]
        steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.r_[0.0, np.cumsum(steps)]
    count = max(int(along[-1] / _STEP_M), 4) + 1
    fine = np.linspace(0.0, along[-1], count)
    even = np.stack([np.interp(fine, along, points[:, axis]) for axis in (0, 1)], axis=1)
    width = _SMOOTH_M / (along[-1] / (count - 1))
    if closed:
        even = gaussian_filter1d(even[:-1], width, axis=0, mode="wrap")
        even = np.r_[even, even[:1]]
    else:
        even = gaussian_filter1d(even, width, axis=0, mode="nearest")
    along = np.r_[0.0, np.cumsum(np.maximum(np.hypot(*np.diff(even, axis=0).T), 1e-6))]
    kind = "periodic" if closed else "natural"
    return CubicSpline(along, even, bc_type=kind), float(along[-1]), bool(closed)
