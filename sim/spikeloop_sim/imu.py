"""An inertial measurement unit with the noise that Allan variances show, and its digital ends.

White noise (angle and velocity random walk, N), bias instability (B) and rate random walk (K) are
those of IEEE Std 952-1997, annex C; of each the two-sided spectral densities are N^2, B^2/(2 pi f)
and K^2/(2 pi f)^2. Flicker noise is a sum of first-order processes whose time constants rise by a
constant factor (Keshner, 1/f noise, Proc. IEEE 70(3), 1982): with correlation time T and variance
s^2 each has the density 2 s^2 T / (1 + (2 pi f T)^2), and spaced by a factor r they sum up to
s^2 / (2 f ln r), so s^2 = B^2 ln(r) / pi.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import parameter
from spikeloop_sim.robot import ImuReading

FLICKER_FLOOR = math.sqrt(2.0 * math.log(2.0) / math.pi)
"""Allan deviation of flicker noise as a part of B (IEEE Std 952-1997, C.8)."""
_RATIO = 4.0
_FIRST_S, _LAST_S = 0.05, 2000.0


@dataclass(frozen=True)
class ImuConfig:
    """The defaults are near a BMI088, a common industrial sensor."""

    gyro_white: float = parameter(
        2.4e-4, "Density of the gyroscope's white noise.", unit="rad/s/sqrt(Hz)", low=0.0
    )
    gyro_flicker: float = parameter(
        3.0e-5, "Bias instability B of the gyroscope.", unit="rad/s", low=0.0
    )
    gyro_walk: float = parameter(
        1.0e-6, "Rate random walk K of the gyroscope.", unit="rad/s^2/sqrt(Hz)", low=0.0
    )
    gyro_bias: float = parameter(
        0.003, "Standard deviation of the gyroscope's bias when switched on.", unit="rad/s", low=0.0
    )
    gyro_range: float = parameter(
        8.7, "Rates beyond this saturate.", unit="rad/s", low=0.1, high=100.0
    )
    gyro_step: float = parameter(
        2.66e-4, "Least significant bit of the gyroscope; 0: none.", unit="rad/s", low=0.0
    )
    accel_white: float = parameter(
        1.7e-3, "Density of the accelerometer's white noise.", unit="m/s^2/sqrt(Hz)", low=0.0
    )
    accel_flicker: float = parameter(
        3.0e-4, "Bias instability B of the accelerometer.", unit="m/s^2", low=0.0
    )
    accel_walk: float = parameter(
        1.0e-5, "Acceleration random walk K.", unit="m/s^3/sqrt(Hz)", low=0.0
    )
    accel_bias: float = parameter(
        0.05,
        "Standard deviation of the accelerometer's bias when switched on.",
        unit="m/s^2",
        low=0.0,
    )
    accel_range: float = parameter(
        58.8, "Accelerations beyond this saturate.", unit="m/s^2", low=1.0, high=2000.0
    )
    accel_step: float = parameter(
        1.8e-3, "Least significant bit of the accelerometer; 0: none.", unit="m/s^2", low=0.0
    )


class AllanImu:
    """Gyroscope and accelerometer of three axes each, sampled at one rate."""

    def __init__(self, config: ImuConfig, period_s: float, random: np.random.Generator) -> None:
        """Switch it on: biases and the flicker's states are drawn.

        Args:
            config: parameters.
            period_s: time between two samples.
            random: source of all its noise.

        """
        c = config
        self._random = random
        self._white = _six(c.gyro_white, c.accel_white) / math.sqrt(period_s)
        self._walk_step = _six(c.gyro_walk, c.accel_walk) * math.sqrt(period_s)
        self._limit = _six(c.gyro_range, c.accel_range)
        self._bit = _six(c.gyro_step, c.accel_step)
        count = 1 + math.ceil(math.log(_LAST_S / _FIRST_S) / math.log(_RATIO))
        times = _FIRST_S * _RATIO ** np.arange(count)
        self._keep = np.exp(-period_s / times)[:, None]
        size = _six(c.gyro_flicker, c.accel_flicker) * math.sqrt(math.log(_RATIO) / math.pi)
        self._drive = np.sqrt(1.0 - self._keep**2) * size
        self._flicker = size * random.standard_normal((count, 6))
        self._bias = _six(c.gyro_bias, c.accel_bias) * random.standard_normal(6)

    def sample(
        self, angular_velocity: NDArray[np.float64], specific_force: NDArray[np.float64]
    ) -> ImuReading:
        """Measure true values in the sensor's frame, (3,) rad/s and (3,) m/s^2."""
        draws = self._random.standard_normal((2 + len(self._flicker), 6))
        self._bias += self._walk_step * draws[0]
        self._flicker *= self._keep
        self._flicker += self._drive * draws[2:]
        true = np.concatenate([angular_velocity, specific_force])
        value = true + self._bias + self._flicker.sum(axis=0) + self._white * draws[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            rounded = np.round(value / self._bit) * self._bit
        value = np.where(self._bit > 0.0, rounded, value)
        wx, wy, wz, ax, ay, az = np.clip(value, -self._limit, self._limit).tolist()
        return ImuReading((wx, wy, wz), (ax, ay, az))


def _six(gyro: float, accel: float) -> NDArray[np.float64]:
    return np.array([gyro] * 3 + [accel] * 3)


def allan_deviation(
    samples: NDArray[np.float64], period_s: float, times_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Overlapping Allan deviation (IEEE Std 952-1997, C.1; overlapping as in NIST SP 1065, 5.2.4).

    Args:
        samples: (n,) or (n, axes), in order.
        period_s: time between two.
        times_s: averaging times; each is taken to the nearest whole number of samples.

    Returns:
        (times,) or (times, axes), in the samples' unit; NaN where there are too few samples.

    """
    total = np.concatenate([np.zeros((1, *samples.shape[1:])), np.cumsum(samples, axis=0)])
    out = np.full((len(times_s), *samples.shape[1:]), np.nan)
    for row, time in enumerate(times_s):
        m = max(1, round(time / period_s))
        if 2 * m < len(total):
            second = total[2 * m :] - 2.0 * total[m:-m] + total[: -2 * m]
            out[row] = np.sqrt(0.5 * np.mean((second / m) ** 2, axis=0))
    return out
