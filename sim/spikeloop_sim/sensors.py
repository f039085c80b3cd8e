"""Noise of sensors: true value in, reading out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.robot import ImuReading, RangeReading


class Altimeter:
    """A downward range finder, like a TFmini: noise, resolution, and ends of its range."""

    def __init__(
        self,
        noise: float,
        resolution: float,
        min_range: float,
        max_range: float,
        field_of_view: float,
        random: np.random.Generator,
    ) -> None:
        """Take lengths in m (noise as standard deviation), the cone's full angle in rad."""
        self._noise = noise
        self._resolution = resolution
        self._ends = (min_range, max_range)
        self._field_of_view = field_of_view
        self._random = random

    def sample(self, distance: float) -> RangeReading:
        """Measure a true distance, m; +inf where there is nothing to hit."""
        # The draw comes first: each sample uses up one, whatever it sees.
        error = self._noise * self._random.standard_normal()
        low, high = self._ends
        if distance > high:
            measured = math.inf
        elif distance < low:
            measured = -math.inf
        else:
            steps = round((distance + error) / self._resolution)
            measured = min(max(steps * self._resolution, low), high)
        return RangeReading(measured, low, high, self._field_of_view)


class Imu:
    """Gyroscope and accelerometer with white noise and a bias that is constant in an episode."""

    def __init__(
        self,
        gyro_noise: float,
        gyro_bias: float,
        accel_noise: float,
        accel_bias: float,
        random: np.random.Generator,
    ) -> None:
        """Draw the biases; all arguments are standard deviations on each axis, rad/s and m/s^2."""
        self._noise = np.array([gyro_noise] * 3 + [accel_noise] * 3)
        self._bias = np.array([gyro_bias] * 3 + [accel_bias] * 3) * random.standard_normal(6)
        self._random = random

    def sample(
        self, angular_velocity: NDArray[np.float64], specific_force: NDArray[np.float64]
    ) -> ImuReading:
        """Measure true values in the sensor's frame, (3,) rad/s and (3,) m/s^2."""
        errors = (self._bias + self._noise * self._random.standard_normal(6)).tolist()
        wx, wy, wz = angular_velocity.tolist()
        ax, ay, az = specific_force.tolist()
        return ImuReading(
            (wx + errors[0], wy + errors[1], wz + errors[2]),
            (ax + errors[3], ay + errors[4], az + errors[5]),
        )
