"""The statistics find what was put in, and the comparison runs on the recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from spikeloop_sim.sensor_models.comparison import _recorded_scan, imu_figures, lidar_figures
from spikeloop_sim.sensor_models.held_out import fit, held_out_figures
from spikeloop_sim.sensor_models.scans import isolated_dropouts, range_noise
from spikeloop_sim.sensor_models.white_noise import density, white_noise_figures

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


def test_the_model_holds_on_the_part_of_the_scan_that_it_was_not_fitted_to() -> None:
    found = held_out_figures(_recorded_scan(DATA / "ouster_os0_128")[0])
    for fold in ("a", "b"):
        assert found[f"heldout_sectors_{fold}_worst_noise_pct"] < 35.0
        assert found[f"heldout_sectors_{fold}_fitted_noise_mm"] == pytest.approx(3.6, abs=0.4)
    # Another half of the turn has other surroundings: apart by up to a factor of two.
    assert 40.0 < found["heldout_halves_a_worst_noise_pct"] < 100.0


def test_a_fit_finds_what_was_put_in() -> None:
    random = np.random.default_rng(3)
    ranges = np.repeat(np.geomspace(1.0, 25.0, 128)[:, None], 512, axis=1)
    ranges += np.hypot(0.006, 0.0025 * ranges) * random.standard_normal(ranges.shape)
    ranges[random.random(ranges.shape) < 0.02] = np.nan
    found = fit(ranges)
    assert found.noise == pytest.approx(0.006, rel=0.08)
    assert found.per_m == pytest.approx(0.0025, rel=0.08)
    assert found.dropout == pytest.approx(0.02, rel=0.1)


def test_white_noise_is_found_under_motion() -> None:
    random, time = np.random.default_rng(4), np.arange(40_000) / 1000.0
    shaken = np.stack([np.sin(9.0 * time), 3.0 * time], axis=1)
    samples = shaken + 0.02 * random.standard_normal(shaken.shape)
    assert density(samples, 1e-3) == pytest.approx(0.02 * np.sqrt(1e-3), rel=0.03)
    assert density(samples, 1e-3, 4) == pytest.approx(0.02 * np.sqrt(1e-3), rel=0.03)
    with pytest.raises(ValueError, match="4 are the least"):
        density(samples[:12], 1e-3, 4)
    found = white_noise_figures(DATA, 0)
    assert found["imu_model_gyro_white"] == pytest.approx(2.4e-4, rel=0.05)
    # Both real sensors are of that kind: the one that a motor shakes is the noisier.
    assert 0.2 < found["imu_davis_gyro_white"] / found["imu_model_gyro_white"] < 1.5
    assert 1.5 < found["imu_ouster_gyro_white"] / found["imu_model_gyro_white"] < 4.0


def test_missing_recordings_are_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="ouster_os0_128"):
        lidar_figures(tmp_path, 0)
    with pytest.raises(TaskError, match=r"test2\.bag"):
        imu_figures(tmp_path, 0)
