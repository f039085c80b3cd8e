"""The IMU shows the Allan deviations that its parameters say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from spikeloop_sim.imu import FLICKER_FLOOR, AllanImu, ImuConfig, allan_deviation
from spikeloop_sim.robot import random_stream

SILENT = ImuConfig(0, 0, 0, 0, 100.0, 0, 0, 0, 0, 0, 1000.0, 0)
STILL = (np.zeros(3), np.zeros(3))


def _samples(config: ImuConfig, count: int, period_s: float) -> NDArray[np.float64]:
    imu = AllanImu(config, period_s, random_stream(4, "imu"))
    rows = [imu.sample(*STILL) for _ in range(count)]
    return np.array([(*row.angular_velocity, *row.linear_acceleration) for row in rows])


def test_allan_deviation_of_a_ramp_by_hand() -> None:
    # Means of neighbouring blocks of m samples of the ramp k differ by m: deviation m / sqrt 2.
    found = allan_deviation(np.arange(100.0), 0.5, np.array([0.5, 2.0, 5.0, 100.0]))
    np.testing.assert_allclose(found[:3], np.array([1.0, 4.0, 10.0]) / np.sqrt(2.0))
    assert np.isnan(found[3])


def test_white_noise_falls_with_the_root_of_time() -> None:
    config = replace(SILENT, gyro_white=1e-3, accel_white=2e-2)
    times = np.array([0.1, 1.0, 5.0])
    found = allan_deviation(_samples(config, 20_000, 0.01), 0.01, times)
    np.testing.assert_allclose(found[:, :3].mean(axis=1), 1e-3 / np.sqrt(times), rtol=0.12)
    np.testing.assert_allclose(found[:, 3:].mean(axis=1), 2e-2 / np.sqrt(times), rtol=0.12)


def test_bias_instability_is_a_floor() -> None:
    config = replace(SILENT, gyro_flicker=1e-3, accel_flicker=1e-3)
    times = np.array([1.0, 3.0, 10.0])
    found = allan_deviation(_samples(config, 20_000, 0.05), 0.05, times).mean(axis=1)
    np.testing.assert_allclose(found, FLICKER_FLOOR * 1e-3, rtol=0.2)


def test_rate_random_walk_rises_with_the_root_of_time() -> None:
    config = replace(SILENT, gyro_walk=1e-3, accel_walk=1e-3)
    times = np.array([0.5, 2.0, 8.0])
    found = allan_deviation(_samples(config, 20_000, 0.02), 0.02, times).mean(axis=1)
    np.testing.assert_allclose(found, 1e-3 * np.sqrt(times / 3.0), rtol=0.25)


def test_saturation_and_steps() -> None:
    config = replace(SILENT, gyro_range=2.0, gyro_step=0.25, accel_range=30.0, accel_step=0.5)
    imu = AllanImu(config, 0.01, random_stream(0, "imu"))
    reading = imu.sample(np.array([5.0, -5.0, 0.3]), np.array([0.2, 40.0, 9.81]))
    assert reading.angular_velocity == (2.0, -2.0, 0.25)
    assert reading.linear_acceleration == (0.0, 30.0, 10.0)


def test_biases_are_drawn_and_stay() -> None:
    config = replace(SILENT, gyro_bias=0.1)
    found = _samples(config, 3, 0.01)
    assert (found[0] == found[2]).all() and abs(found[0, :3]).min() > 0.0
    assert found[0, 3:].tolist() == pytest.approx([0.0, 0.0, 0.0])
