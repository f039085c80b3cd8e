"""LiDAR and IMU, recorded and simulated, by the same statistics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray
from rosbags.rosbag1 import Reader
from rosbags.typesys import Stores, get_typestore

from spikeloop.lidar.ouster import OusterCapture, Scan
from spikeloop.tasks import TaskError
from spikeloop_sim.imu import AllanImu, ImuConfig, allan_deviation
from spikeloop_sim.lidar import Lidar
from spikeloop_sim.lidar_config import LidarConfig
from spikeloop_sim.robot import random_stream
from spikeloop_sim.sensor_models.held_out import held_out_figures
from spikeloop_sim.sensor_models.scans import (
    BINS_M,
    intensity_quantiles,
    isolated_dropouts,
    range_noise,
)
from spikeloop_sim.worlds.catalogue import make_scene
from spikeloop_sim.worlds.mjcf import Labels, to_spec

OUSTER, IMU_BAG, IMU_TOPIC = "ouster_os0_128", "imu_odom_jackal/test2.bag", "/imu/data"
WORLDS = ("office", "route")
QUIET = 100
TIMES_S = (0.02, 0.04, 0.08, 0.16)


def lidar_figures(data: Path, seed: int) -> dict[str, float]:
    """Range noise by range, isolated dropouts and intensities of a real scan and simulated ones.

    Raises:
        TaskError: the recording isn't there.

    """
    real = _recorded_scan(data / OUSTER)
    found = {f"real_{name}": value for name, value in _statistics(*real).items()}
    found |= held_out_figures(real[0])
    for world in WORLDS:
        scan = _simulated_scan(world, seed)
        found |= {f"{world}_{name}": value for name, value in _statistics(*scan).items()}
    return found


def _statistics(ranges: NDArray[np.float64], intensity: NDArray[np.float64]) -> dict[str, float]:
    found = {
        f"range_noise_mm_{low:g}_{high:g}_m": 1e3 * range_noise(ranges, low, high)
        for low, high in BINS_M
    }
    found["isolated_dropout_pct"] = 100.0 * isolated_dropouts(ranges)
    found["returns_pct"] = 100.0 * float(np.isfinite(ranges).mean())
    quantiles = intensity_quantiles(ranges, intensity)
    return found | {f"intensity_{name}": value for name, value in quantiles.items()}


def _recorded_scan(folder: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ranges and intensities, (rows, columns) in order of azimuth."""
    files = sorted(folder.glob("*.pcap"))
    if not files:
        raise TaskError(f"--data: {folder} has no .pcap of an Ouster LiDAR")
    capture = OusterCapture(files[0], files[0].with_suffix(".json"))
    cloud = next(item for item in capture.items() if isinstance(item, Scan)).cloud
    return _ranges(cloud.points()), np.asarray(cloud.fields["intensity"], float)


def _ranges(points: NDArray[Any]) -> NDArray[np.float64]:
    ranges: NDArray[np.float64] = np.linalg.norm(points.astype(float), axis=-1)
    ranges[~(ranges > 0.0)] = np.nan
    return ranges


def _simulated_scan(world: str, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same pattern at the start of a world."""
    scene = make_scene(world, seed)
    model = to_spec(scene).compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    config = replace(LidarConfig(), rows=128, columns=1024, up_deg=45.0, down_deg=-45.0)
    lidar = Lidar(model, Labels.of(model, scene).geom_infrared, config, seed)
    place = np.array(scene.start.position) + np.array([0.0, 0.0, 1.0])
    scan = lidar.roll(data, place, np.eye(3))
    assert scan is not None
    points = np.stack([scan[axis] for axis in "xyz"], axis=-1)
    return _ranges(points), scan["intensity"].astype(float)


def imu_figures(data: Path, seed: int) -> dict[str, float]:
    """Allan deviations of a recorded gyroscope and of the model with the same white noise.

    The recorded robot drives, so only its quietest stretch tells of the sensor.

    Raises:
        TaskError: the recording isn't there.

    """
    path = data / IMU_BAG
    if not path.exists():
        raise TaskError(f"--data: {path} isn't there")
    rates, period_s = _recorded_rates(path)
    times = np.array(TIMES_S)
    quiet = _quietest(rates)
    real = allan_deviation(quiet, period_s, times)
    white = float(real[0] * np.sqrt(times[0]))
    config = ImuConfig(gyro_white=white, gyro_step=0.0, gyro_bias=0.0)
    imu = AllanImu(config, period_s, random_stream(seed, "imu"))
    still = (np.zeros(3), np.array([0.0, 0.0, 9.81]))
    samples = np.array([imu.sample(*still).angular_velocity for _ in range(len(rates))])
    model = allan_deviation(samples, period_s, times).mean(axis=1)
    found = {"imu_white_rad_s_rthz": white}
    for time, one, other in zip(TIMES_S, real, model, strict=True):
        found[f"imu_real_adev_{time:g}_s"] = float(one)
        found[f"imu_model_adev_{time:g}_s"] = float(other)
    return found


def _quietest(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """The `QUIET` samples of one axis that vary least, (QUIET,)."""
    windows = np.lib.stride_tricks.sliding_window_view(rates, QUIET, axis=0)
    begin, axis = np.unravel_index(np.argmin(windows.std(axis=-1)), windows.shape[:2])
    stretch: NDArray[np.float64] = rates[begin : begin + QUIET, axis]
    return stretch


def _recorded_rates(path: Path) -> tuple[NDArray[np.float64], float]:
    """(n, 3) rad/s, and the period in s."""
    store = get_typestore(Stores.ROS1_NOETIC)
    rows, stamps = [], []
    with Reader(path) as reader:
        wanted = [c for c in reader.connections if c.topic == IMU_TOPIC]
        for connection, _, raw in reader.messages(connections=wanted):
            message: Any = store.deserialize_ros1(raw, connection.msgtype)
            rate, stamp = message.angular_velocity, message.header.stamp
            rows.append((rate.x, rate.y, rate.z))
            stamps.append(stamp.sec + 1e-9 * stamp.nanosec)
    return np.array(rows), float(np.median(np.diff(stamps)))
