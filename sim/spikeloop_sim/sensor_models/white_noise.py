"""White noise of real IMUs, from recordings too short and too shaken for Allan deviations.

Third differences of neighbouring samples take motion out that is quadratic over four samples, and
have 20 times the variance of white noise. Two real sensors are in the recordings: that of an Ouster
at rest (10 samples at 100 Hz, shaken by its own motor) and that of a DAVIS346 in the hand (130
samples at 1 kHz, behind its low-pass filter, so means over 4 ms count).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.files.aedat4 import Aedat4Source
from spikeloop.lidar.ouster import ImuSample, OusterCapture
from spikeloop.tasks import TaskError
from spikeloop_sim.imu import AllanImu, ImuConfig
from spikeloop_sim.robot import random_stream

Array = NDArray[np.float64]
OUSTER, DAVIS = "ouster_os0_128", "aedat4_davis346/davis.aedat4"
MEAN_OF = 4
GRAVITY = 9.81
MODEL_SAMPLES = 4000


def density(samples: Array, period_s: float, mean_of: int = 1) -> float:
    """Density of white noise, in the samples' unit by sqrt(Hz), over all axes.

    Args:
        samples: (n, axes), one after another.
        period_s: between them.
        mean_of: as many are averaged first.

    Raises:
        ValueError: fewer than four means.

    """
    count = len(samples) // mean_of
    if count < 4:
        raise ValueError(f"{len(samples)} samples make {count} means of {mean_of}; 4 are the least")
    means = samples[: count * mean_of].reshape(count, mean_of, -1).mean(axis=1)
    thirds = np.diff(means, 3, axis=0)
    return float(np.sqrt((thirds**2).mean() / 20.0 * period_s * mean_of))


def white_noise_figures(data: Path, seed: int) -> dict[str, float]:
    """Densities of two real sensors, and of the model by the same way of measuring.

    Raises:
        TaskError: a recording isn't there.

    """
    found = {}
    for name, (rates, forces, period_s, mean_of) in {
        "ouster": _ouster(data / OUSTER),
        "davis": _davis(data / DAVIS),
    }.items():
        found[f"imu_{name}_gyro_white"] = density(rates, period_s, mean_of)
        found[f"imu_{name}_accel_white"] = density(forces, period_s, mean_of)
    imu = AllanImu(ImuConfig(), 0.01, random_stream(seed, "imu/white"))
    still = (np.zeros(3), np.array([0.0, 0.0, GRAVITY]))
    drawn = [imu.sample(*still) for _ in range(MODEL_SAMPLES)]
    rates = np.array([each.angular_velocity for each in drawn])
    forces = np.array([each.linear_acceleration for each in drawn])
    found["imu_model_gyro_white"] = density(rates, 0.01)
    found["imu_model_accel_white"] = density(forces, 0.01)
    return found


def _ouster(folder: Path) -> tuple[Array, Array, float, int]:
    files = sorted(folder.glob("*.pcap"))
    if not files:
        raise TaskError(f"--data: {folder} has no .pcap of an Ouster LiDAR")
    capture = OusterCapture(files[0], files[0].with_suffix(".json"))
    samples = [item for item in capture.items() if isinstance(item, ImuSample)]
    period_s = float(np.median(np.diff([item.time_ns for item in samples]))) * 1e-9
    rates = np.array([item.rate for item in samples])
    return rates, np.array([item.acceleration for item in samples]), period_s, 1


def _davis(path: Path) -> tuple[Array, Array, float, int]:
    if not path.exists():
        raise TaskError(f"--data: {path} isn't there")
    packets = list(Aedat4Source(path).inertial())
    times = np.concatenate([packet.t for packet in packets])
    rates = np.concatenate([packet.rate for packet in packets])
    forces = np.concatenate([packet.acceleration for packet in packets])
    return rates, forces, float(np.median(np.diff(times))) * 1e-6, MEAN_OF
