"""Where the pulses of a LiDAR's scan go, and when.

A rosette is drawn by two prisms that turn against each other (Brazeal et al., A rigorous
observation model for the Risley prism-based Livox Mid-40, Sensors 21(14):4722, 2021): each bends
the beam by half of the field's radius, and as their rates have no common multiple, no scan repeats
another one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.lidar_config import LidarConfig

FIRST_PRISM_HZ, SECOND_PRISM_HZ = 7294.0 / 60.0, -4664.0 / 60.0


@dataclass(frozen=True)
class Pattern:
    """Pulses of one scan.

    Attributes:
        directions: (rows, columns, 3) unit vectors in the sensor's frame, x forward, z up.
        times_s: (columns,) since the first pulse; those of a column leave together.

    """

    directions: NDArray[np.float64]
    times_s: NDArray[np.float64]


def pattern(config: LidarConfig, scan: int) -> Pattern:
    """The pulses of the scan of a number; spinning ones are all alike."""
    times = np.arange(config.columns) / (config.columns * config.rate)
    if config.kind == "rosette":
        return Pattern(_rosette(config, scan / config.rate), times)
    elevation = np.radians(np.linspace(config.up_deg, config.down_deg, config.rows))[:, None]
    if config.kind == "spinning":
        # As seen from above it turns to the right, and begins behind.
        azimuth = math.pi - 2.0 * math.pi * (np.arange(config.columns) + 0.5) / config.columns
        return Pattern(_directions(azimuth[None, :], elevation), times)
    half = 0.5 * math.radians(config.width_deg)
    azimuth = np.linspace(half, -half, config.columns)
    return Pattern(_directions(azimuth[None, :], elevation), times)


def _rosette(config: LidarConfig, begin_s: float) -> NDArray[np.float64]:
    """(rows, columns, 3): rows are pulses in a row in time, so `rows` of them make a column."""
    count = config.rows * config.columns
    time = begin_s + np.arange(count) / (count * config.rate)
    time = time.reshape(config.columns, config.rows).T
    quarter = 0.25 * math.radians(config.width_deg)
    first, second = (2.0 * math.pi * rate * time for rate in (FIRST_PRISM_HZ, SECOND_PRISM_HZ))
    left = quarter * (np.cos(first) + np.cos(second))
    up = quarter * (np.sin(first) + np.sin(second))
    return _directions(left, up)


def _directions(
    azimuth: NDArray[np.float64], elevation: NDArray[np.float64]
) -> NDArray[np.float64]:
    level = np.cos(elevation)
    x, y = level * np.cos(azimuth), level * np.sin(azimuth)
    return np.stack(np.broadcast_arrays(x, y, np.sin(elevation)), axis=-1)
