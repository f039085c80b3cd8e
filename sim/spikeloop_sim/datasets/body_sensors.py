"""IMU and LiDAR of a recording's rig."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.datasets.config import US, RecordConfig
from spikeloop_sim.datasets.path import RigPath
from spikeloop_sim.datasets.stage import Stage
from spikeloop_sim.event_camera.optics import Pose
from spikeloop_sim.robot import random_stream
from spikeloop_sim.sensors import Imu

Vector = tuple[float, float, float]
LIDAR_MOUNT = np.array([0.0, 0.0, 0.15])


class BodySensors:
    """What is fixed to the rig's body beside the cameras."""

    def __init__(self, stage: Stage, path: RigPath, config: RecordConfig, seed: int) -> None:
        """Draw the biases."""
        self._stage, self._path, self._config = stage, path, config
        self._seed = seed
        self._imu: Imu | None = None
        self._next = 1

    def tree(self) -> list[tuple[str, str, Pose]]:
        """Fixed transforms: parent, child, pose of the child in the parent."""
        found = [("base_link", "imu_link", Pose(np.zeros(3), np.eye(3)))]
        if self._config.lidar:
            found.append(("base_link", "lidar_link", Pose(LIDAR_MOUNT, np.eye(3))))
        return found

    def inertial(self, begin_us: int, end_us: int) -> Iterator[tuple[int, Vector, Vector]]:
        """IMU samples with begin < t <= end: us, rad/s, m/s^2.

        The noise is drawn from the recording's first sample on, so that what is read here depends
        on the time alone; a part behind others draws theirs again, which costs little.
        """
        every = US // self._config.imu_rate
        first, last = begin_us // every + 1, end_us // every
        if self._imu is None or first < self._next:
            self._imu = Imu(2e-3, 2e-3, 2e-2, 3e-2, random_stream(self._seed, "recording/imu"))
            self._next = 1
        for _ in range(self._next, first):
            self._imu.sample(np.zeros(3), np.zeros(3))
        for number in range(first, last + 1):
            rates, force = self._path.inertial(1e-6 * number * every)
            reading = self._imu.sample(rates, force)
            yield number * every, reading.angular_velocity, reading.linear_acceleration
        self._next = last + 1

    def scans(self, begin_us: int, end_us: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """Turns of the LiDAR that end in begin < t <= end: us, records of points."""
        return iter(())
