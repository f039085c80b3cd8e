"""The simulated frame camera: exposure, blur, noise and saturation by known answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import mujoco
import numpy as np
import pytest
from spikeloop_sim.event_camera.optics import Pinhole, Pose, Twist
from spikeloop_sim.frame_camera import FrameCamera
from spikeloop_sim.frame_camera_config import FrameCameraConfig

LENS = Pinhole(96, 72, 60.0, 60.0, 47.5, 35.5)
BOARD = """
<mujoco>
  <visual>
    <headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/>
    <map znear="0.01" zfar="30"/>
  </visual>
  <worldbody>
    <geom type="box" size="4 4 0.1" pos="-4 0 -0.1" rgba="0.2 0.2 0.2 1"/>
    <geom type="box" size="4 4 0.1" pos="4 0 -0.1" rgba="0.8 0.8 0.8 1"/>
  </worldbody>
</mujoco>
"""
QUIET = FrameCameraConfig(
    exposure_us=500.0,
    electrons_per_lux_s=6e4,
    read_noise=0.0,
    dark_electrons_s=0.0,
    pattern_noise=0.0,
)
View = Callable[[float], tuple[mujoco.MjData, Pose]]


def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(BOARD)


def passing(board: mujoco.MjModel, speed: float) -> View:
    """The dark half left, the light one right; the camera moves along x, so the edge goes left."""
    data = mujoco.MjData(board)
    mujoco.mj_forward(board, data)

    def view(time_s: float) -> tuple[mujoco.MjData, Pose]:
        at = np.array([speed * time_s, 0.0, 2.0])
        return data, Pose.looking(at, np.array([0.0, 0.0, -1.0]), np.array([0.0, 1.0, 0.0]))

    return view


def take(config: FrameCameraConfig, speed: float = 0.0, count: int = 1) -> list[np.ndarray]:
    board = model()
    with FrameCamera(board, LENS, config, 3) as camera:
        twist = Twist(np.array([speed, 0.0, 0.0]), np.zeros(3))
        return [camera.take(passing(board, speed), 0, twist).pixels for _ in range(count)]


def level(luminance: float, config: FrameCameraConfig) -> float:
    """Grey value that a linear sensor gives."""
    electrons = luminance * config.scene_lux * config.electrons_per_lux_s * 1e-6
    return min(255.0 * electrons * config.exposure_us / config.full_well, 255.0)


def test_grey_is_proportional_to_light_and_exposure() -> None:
    for exposure in (200.0, 500.0):
        config = replace(QUIET, exposure_us=exposure)
        (picture,) = take(config)
        assert picture.dtype == np.uint8 and picture.shape == (72, 96)
        assert picture[:, :40].mean() == pytest.approx(level(0.2, config), rel=0.01, abs=0.3)
        assert picture[:, 56:].mean() == pytest.approx(level(0.8, config), rel=0.01, abs=0.3)


def test_noise_has_the_variance_of_photons() -> None:
    config = replace(QUIET, exposure_us=800.0)
    (picture,) = take(config)
    electrons = 0.8 * 300.0 * 6e4 * 800e-6
    gain = 255.0 / config.full_well
    expected = gain * np.sqrt(electrons)
    # Rounding adds a twelfth of a grey level squared.
    assert picture[:, 56:].std() == pytest.approx(np.sqrt(expected**2 + 1 / 12), rel=0.1)


def test_motion_blurs_an_edge_over_the_way_of_the_exposure() -> None:
    speed, exposure = 8.0, 40_000.0  # 8 m/s at 2 m: 240 px/s... times 0.04 s = 9.6 px
    config = replace(QUIET, exposure_us=exposure, scene_lux=300.0 * 500.0 / exposure)
    sharp, blurred = take(config)[0], take(config, speed)[0]
    profiles = [p.mean(axis=0) for p in (sharp, blurred)]
    low, high = level(0.2, config), level(0.8, config)

    def width(profile: np.ndarray) -> int:
        inside = (profile > low + 0.05 * (high - low)) & (profile < high - 0.05 * (high - low))
        return int(inside.sum())

    assert width(profiles[0]) <= 2
    assert width(profiles[1]) == pytest.approx(60.0 * speed / 2.0 * 0.04, abs=1.6)
    # The middle of the blur is where the edge was in the middle of the exposure.
    middle = np.interp(0.5 * (low + high), profiles[1], np.arange(96.0))
    assert middle == pytest.approx(47.5 - 60.0 * speed / 2.0 * 0.02, abs=0.5)


def test_over_exposure_saturates_and_under_exposure_is_black() -> None:
    board = model()
    for exposure, part, grey in ((20_000.0, 1.0, 255), (1.0, 0.0, 0)):
        with FrameCamera(board, LENS, replace(QUIET, exposure_us=exposure)) as camera:
            picture = camera.take(passing(board, 0.0), 1000)
        assert picture.saturated == part
        assert np.median(picture.pixels) == grey
        assert (picture.begin_us, picture.end_us) == (1000, 1000 + int(exposure))


def test_automatic_exposure_reaches_its_target_in_light_and_dusk() -> None:
    for lux in (2000.0, 60.0):
        config = replace(QUIET, exposure_us=0.0, scene_lux=lux)
        last = take(config, count=5)[-1]
        assert last.mean() / 255.0 == pytest.approx(config.target_grey, abs=0.02)


def test_exposure_steps_double_and_halve() -> None:
    board = model()
    exposures = []
    for ev in (-1.0, 0.0, 1.0):
        with FrameCamera(board, LENS, replace(QUIET, exposure_us=0.0, ev=ev)) as camera:
            for _ in range(4):
                camera.take(passing(board, 0.0), 0)
            exposures.append(camera.exposure_us)
    assert exposures[1] / exposures[0] == pytest.approx(2.0, rel=0.02)
    assert exposures[2] / exposures[1] == pytest.approx(2.0, rel=0.02)


def test_night_is_dark_and_noisy() -> None:
    config = FrameCameraConfig(scene_lux=0.5)
    last = take(config, count=4)[-1].astype(float)
    # The longest exposure doesn't reach the target, and the contrast drowns in readout noise.
    assert last.mean() < 0.2 * 255.0 * config.target_grey
    assert last[:, 56:].std() > 0.3 * last[:, 56:].mean()


def test_vignetting_darkens_corners_by_cos4() -> None:
    (flat,), (dark,) = take(QUIET), take(replace(QUIET, vignetting=1.0))
    ray = np.hypot(47.5, 35.5) / 60.0
    ratio = dark[:6, -6:].mean() / flat[:6, -6:].mean()
    assert ratio == pytest.approx((1.0 + ray**2) ** -2, rel=0.25)
    middle = dark[33:39, 50:54].mean() / flat[33:39, 50:54].mean()
    assert middle == pytest.approx(1.0, abs=0.03)


def test_same_seed_same_pictures_and_going_on_from_a_state() -> None:
    board = model()
    config = FrameCameraConfig()
    with FrameCamera(board, LENS, config, 5) as camera:
        first = [camera.take(passing(board, 0.1), 0).pixels for _ in range(2)]
        state = camera.state()
        third = camera.take(passing(board, 0.1), 0).pixels
        camera.reset(5)
        assert np.array_equal(camera.take(passing(board, 0.1), 0).pixels, first[0])
    with FrameCamera(board, LENS, config, 5) as other:
        other.restore(state)
        assert np.array_equal(other.take(passing(board, 0.1), 0).pixels, third)
