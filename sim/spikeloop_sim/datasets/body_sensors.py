"""IMU and LiDAR of a recording's rig.

Their noise is drawn from the recording's first sample on, and a sample takes the same number of
draws whatever it measures. So what is measured depends on the time alone: a part of a recording
that follows on others draws theirs again, which costs little, and needs no state.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.datasets.config import US, RecordConfig
from spikeloop_sim.datasets.path import RigPath
from spikeloop_sim.datasets.stage import Stage
from spikeloop_sim.event_camera.optics import Pose
from spikeloop_sim.imu import AllanImu, ImuConfig
from spikeloop_sim.lidar import Lidar
from spikeloop_sim.lidar_config import LidarConfig
from spikeloop_sim.robot import random_stream

Vector = tuple[float, float, float]
LIDAR_MOUNT = np.array([0.0, 0.0, 0.15])
TURN_PARTS = 16
"""From so many places of its path a turning LiDAR looks."""


class BodySensors:
    """What is fixed to the rig's body beside the cameras."""

    def __init__(self, stage: Stage, path: RigPath, config: RecordConfig, seed: int) -> None:
        """Draw the biases.

        Raises:
            ValueError: a negative seed.

        """
        self._stage, self._path, self._config = stage, path, config
        self._imu_every, self._scan_every = US // config.imu_rate, US // config.lidar_rate
        random = random_stream(seed, "recording/imu")
        self._imu = AllanImu(ImuConfig(), 1e-6 * self._imu_every, random)
        self._next_sample = self._next_scan = 1
        self._lidar: Lidar | None = None
        if config.lidar and stage.is_solid:
            seen_m = stage.visibility_m if math.isfinite(stage.visibility_m) else 0.0
            kind = LidarConfig(rate=float(config.lidar_rate), visibility=seen_m)
            self._lidar = Lidar(stage.model, stage.infrared, kind, seed)

    @property
    def has_lidar(self) -> bool:
        """Whether there is a LiDAR, and something for it to see."""
        return self._lidar is not None

    def tree(self) -> list[tuple[str, str, Pose]]:
        """Fixed transforms: parent, child, pose of the child in the parent."""
        found = [("base_link", "imu_link", Pose(np.zeros(3), np.eye(3)))]
        if self.has_lidar:
            found.append(("base_link", "lidar_link", Pose(LIDAR_MOUNT, np.eye(3))))
        return found

    def inertial(self, begin_us: int, end_us: int) -> Iterator[tuple[int, Vector, Vector]]:
        """IMU samples with begin < t <= end: us, rad/s, m/s^2.

        Pieces must be asked for in order; the same holds for `scans`.
        """
        first, last = begin_us // self._imu_every + 1, end_us // self._imu_every
        for _ in range(self._next_sample, first):
            self._imu.sample(np.zeros(3), np.zeros(3))
        for number in range(first, last + 1):
            time_us = number * self._imu_every
            reading = self._imu.sample(*self._path.inertial(1e-6 * time_us))
            yield time_us, reading.angular_velocity, reading.linear_acceleration
        self._next_sample = last + 1

    def scans(self, begin_us: int, end_us: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """Turns of the LiDAR that end in begin < t <= end: us, (rows, columns) of `lidar.POINT`.

        Points are in the sensor's frame, each at its own time.
        """
        if self._lidar is None:
            return
        first, last = begin_us // self._scan_every + 1, end_us // self._scan_every
        for _ in range(self._next_scan, first):
            for part in range(1, TURN_PARTS + 1):
                self._lidar.roll(self._stage.data, np.zeros(3), np.eye(3), part / TURN_PARTS)
        for number in range(first, last + 1):
            yield number * self._scan_every, self._turn((number - 1) * self._scan_every)
        self._next_scan = last + 1

    def _turn(self, begin_us: int) -> NDArray[Any]:
        assert self._lidar is not None
        scan = None
        for part in range(1, TURN_PARTS + 1):
            # From where the sensor is in the middle of the part.
            time_s = 1e-6 * (begin_us + self._scan_every * (part - 0.5) / TURN_PARTS)
            body = self._path.pose(time_s)
            place = body.position + body.rotation @ LIDAR_MOUNT
            data = self._stage.at(time_s)
            scan = self._lidar.roll(data, place, body.rotation, part / TURN_PARTS)
        assert scan is not None
        return scan
