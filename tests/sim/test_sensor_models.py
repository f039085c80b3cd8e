"""The statistics find what was put in, and the comparison runs on the recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from spikeloop_sim.sensor_models.comparison import _recorded_scan, imu_figures, lidar_figures
from spikeloop_sim.sensor_models.scans import isolated_dropouts, range_noise

from spikeloop.tasks import TaskError

DATA = Path(__file__).parents[1] / "data"


def test_range_noise_of_a_wall_is_what_was_added() -> None:
    random = np.random.default_rng(0)
    angle = np.linspace(-0.5, 0.5, 900)
    wall = 5.0 / np.cos(angle)[None, :] + 0.012 * random.standard_normal((40, 900))
    # An edge and holes don't count.
    wall[:, 300:] += 2.0
    wall[random.random(wall.shape) < 0.01] = np.nan
    assert range_noise(wall, 3.0, 9.0) == pytest.approx(0.012, rel=0.05)
    assert np.isnan(range_noise(wall, 20.0, 30.0))


def test_isolated_dropouts_are_those_within_surfaces() -> None:
    random = np.random.default_rng(1)
    wall = np.full((200, 300), 5.0)
    wall[random.random(wall.shape) < 0.03] = np.nan
    wall[:, 150:] = np.nan
    assert isolated_dropouts(wall) == pytest.approx(0.03, abs=0.006)


def test_the_recorded_scan_gives_its_known_returns() -> None:
    ranges, _ = _recorded_scan(DATA / "ouster_os0_128")
    assert np.isfinite(ranges).sum() == 97_299


def test_model_and_recording_agree() -> None:
    found = lidar_figures(DATA, 1_000_000) | imu_figures(DATA, 1_000_000)
    for name in ("range_noise_mm_1_3_m", "range_noise_mm_3_6_m", "isolated_dropout_pct"):
        assert found[f"route_{name}"] == pytest.approx(found[f"real_{name}"], rel=0.35)
    for time in ("0.04", "0.08"):
        assert found[f"imu_model_adev_{time}_s"] == pytest.approx(
            found[f"imu_real_adev_{time}_s"], rel=0.3
        )


def test_missing_recordings_are_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="ouster_os0_128"):
        lidar_figures(tmp_path, 0)
    with pytest.raises(TaskError, match=r"test2\.bag"):
        imu_figures(tmp_path, 0)
