"""The simulated LiDAR: known distances, chances and air, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import mujoco
import numpy as np
import pytest
from numpy.typing import NDArray
from spikeloop_sim.lidar import POINT, Lidar, cast
from spikeloop_sim.lidar_config import LidarConfig
from spikeloop_sim.lidar_patterns import pattern

CLEAN = LidarConfig(
    range_noise=0.0, range_noise_per_m=0.0, range_step=0.0, dropout=0.0, signal_spread=0.01,
    sure_range=400.0, rows=4, columns=90, most_range=200.0,
)  # fmt: skip


def _wall(distance: float) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """One wall across x, huge."""
    model = mujoco.MjModel.from_xml_string(
        f'<mujoco><worldbody><geom type="box" size="1 900 900" pos="{distance + 1.0} 0 0" '
        'group="3"/></worldbody></mujoco>'
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def _scan(distance: float, config: LidarConfig, reflectance: float = 0.5) -> NDArray[np.void]:
    model, data = _wall(distance)
    lidar = Lidar(model, np.full(model.ngeom, reflectance, np.float32), config, 5)
    scan = lidar.roll(data, np.zeros(3), np.eye(3))
    assert scan is not None and scan.dtype == POINT
    return scan


@pytest.mark.parametrize("kind", ("spinning", "rosette", "raster"))
def test_every_point_lies_on_the_wall(kind: str) -> None:
    scan = _scan(7.0, replace(CLEAN, kind=kind))
    seen = np.isfinite(scan["x"])
    assert scan.shape == (4, 90)
    np.testing.assert_allclose(scan["x"][seen], 7.0, atol=1e-5)
    assert seen.any() and (kind == "spinning" or seen.all())
    assert (scan["intensity"][~seen] == 0.0).all()


def test_intensity_is_reflectance_by_incidence() -> None:
    scan = _scan(7.0, CLEAN, 0.4)
    seen = np.isfinite(scan["x"])
    place = np.stack([scan[axis][seen] for axis in "xyz"])
    cosine = 7.0 / np.linalg.norm(place, axis=0)
    steep = cosine > math.cos(math.radians(75.0))
    np.testing.assert_allclose(
        scan["intensity"][seen][steep], 100.0 * 0.4 * cosine[steep], rtol=0.02
    )


def test_times_and_rings() -> None:
    scan = _scan(7.0, CLEAN)
    assert scan["t"][0, 0] == 0 and (np.diff(scan["t"].astype(int), axis=1) > 0).all()
    assert scan["t"].max() == round(1e9 * 89 / 900.0)
    assert scan["ring"][:, 3].tolist() == [0, 1, 2, 3]


def test_at_the_stated_range_nine_of_ten_dark_pulses_come_back() -> None:
    # A narrow raster on a wall of 10 % at the stated range.
    config = LidarConfig(
        kind="raster", width_deg=1.0, up_deg=0.5, down_deg=-0.5, rows=64, columns=256,
        sure_range=20.0, dropout=0.0,
    )  # fmt: skip
    share = np.isfinite(_scan(20.0, config, 0.1)["x"]).mean()
    assert share == pytest.approx(0.9, abs=0.01)
    assert np.isfinite(_scan(35.0, config, 0.1)["x"]).mean() < 0.5
    assert np.isfinite(_scan(5.0, config, 0.1)["x"]).mean() > 0.999


def test_range_noise_grows_with_the_range() -> None:
    config = LidarConfig(
        kind="raster", width_deg=1.0, up_deg=0.5, down_deg=-0.5, rows=64, columns=256,
        range_noise=0.01, range_noise_per_m=0.002, range_step=0.0,
    )  # fmt: skip
    near, far = _scan(2.0, config, 0.9)["x"], _scan(20.0, config, 0.5)["x"]
    assert np.nanstd(near) == pytest.approx(np.hypot(0.01, 0.004), rel=0.05)
    assert np.nanstd(far) == pytest.approx(np.hypot(0.01, 0.04), rel=0.05)
    assert np.nanmean(near) == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize("air", ({"visibility": 60.0}, {"rain": 80.0}))
def test_fog_and_rain_take_far_returns_first(air: dict[str, float]) -> None:
    config = LidarConfig(kind="raster", width_deg=2.0, up_deg=1.0, down_deg=-1.0)
    for distance, least_loss in ((3.0, -0.01), (30.0, 0.2)):
        clear = np.isfinite(_scan(distance, config, 0.3)["x"]).mean()
        wet = np.isclose(_scan(distance, replace(config, **air), 0.3)["x"], distance, rtol=0.2)
        assert clear - wet.mean() >= least_loss


def test_fog_gives_false_returns_near_the_sensor_where_nothing_stronger_is() -> None:
    config = LidarConfig(kind="raster", width_deg=2.0, visibility=20.0)
    scan = _scan(70.0, config, 0.3)
    assert (scan["x"][np.isfinite(scan["x"])] < 5.0).mean() > 0.9
    assert np.isfinite(_scan(70.0, replace(config, visibility=0.0), 0.3)["x"]).mean() < 0.9


def test_rolling_columns_are_seen_from_where_the_sensor_is_then() -> None:
    model, data = _wall(10.0)
    lidar = Lidar(model, np.full(1, 0.5, np.float32), replace(CLEAN, kind="raster"), 0)
    assert lidar.roll(data, np.zeros(3), np.eye(3), 0.5) is None
    scan = lidar.roll(data, np.array([1.0, 0.0, 0.0]), np.eye(3), 1.0)
    assert scan is not None
    np.testing.assert_allclose(scan["x"][:, :45], 10.0, atol=1e-5)
    np.testing.assert_allclose(scan["x"][:, 45:], 9.0, atol=1e-5)


def test_same_seed_same_bits_whatever_was_seen_before() -> None:
    near, far = _wall(5.0), _wall(50.0)
    scans = []
    for model, data in (near, far):
        lidar = Lidar(model, np.full(1, 0.5, np.float32), None, 3)
        lidar.roll(data, np.zeros(3), np.eye(3))
        lidar._model = near[0]
        scans.append(lidar.roll(near[1], np.zeros(3), np.eye(3)))
    assert scans[0] is not None and scans[1] is not None
    assert scans[0].tobytes() == scans[1].tobytes()


def test_no_rosette_repeats_another_one() -> None:
    config = LidarConfig(kind="rosette")
    first, second = pattern(config, 0).directions, pattern(config, 1).directions
    assert np.abs(first - second).max() > 0.1
    np.testing.assert_allclose(np.linalg.norm(second, axis=-1), 1.0)
    half = math.radians(0.5 * config.width_deg)
    assert np.arccos(second[..., 0]).max() <= half * 1.001


def test_rays_agree_with_single_rays() -> None:
    model, data = _wall(4.0)
    rays = pattern(CLEAN, 0).directions.reshape(-1, 3)
    hits = cast(model, data, np.zeros(3), rays, 60.0)
    group = np.array([0, 0, 0, 1, 0, 0], np.uint8)
    for k in range(0, len(rays), 17):
        one = mujoco.mj_ray(model, data, np.zeros(3), rays[k], group, True, -1, None)
        expected = one if 0.0 <= one <= 60.0 else np.inf
        assert hits.range[k] == pytest.approx(expected)


def test_ends_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="up_deg"):
        LidarConfig(up_deg=-20.0)
    with pytest.raises(ValueError, match="least_range"):
        LidarConfig(least_range=5.0, most_range=2.0)
