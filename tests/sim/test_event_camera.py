"""The simulated event camera: renderer, truth, pixels by known answers, read-out, determinism."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spikeloop_sim.evcam.evaluation import truth_errors
from spikeloop_sim.evcam.scenes import Scene
from spikeloop_sim.event_camera.camera import EventCamera
from spikeloop_sim.event_camera.config import EventCameraConfig, ideal
from spikeloop_sim.event_camera.optics import Pinhole, Pose, Twist
from spikeloop_sim.event_camera.picture import log_picture
from spikeloop_sim.event_camera.readout import Readout
from spikeloop_sim.event_camera.renderer import Haze, SceneRenderer
from spikeloop_sim.event_camera.truth import TruthRenderer

from spikeloop.events.array import joined

LENS = Pinhole(96, 72, 60.0, 60.0, 50.0, 33.0)
KEYFRAME_US = 20_000
BOARD = """
<mujoco>
  <visual>
    <headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/>
    <map znear="0.01" zfar="30"/>
  </visual>
  <worldbody>
    <geom type="box" size="4 4 0.1" pos="0 0 -0.1" rgba="{left} {left} {left} 1"/>
    <geom type="box" size="2 4 0.1" pos="2.0 0 -0.09" rgba="{right} {right} {right} 1"/>
  </worldbody>
</mujoco>
"""


def board(left: float, right: float) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """A plane in two greys; seen from above the edge runs along y at x = 0."""
    model = mujoco.MjModel.from_xml_string(BOARD.format(left=left, right=right))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def above(x: float, height: float = 2.0) -> Pose:
    """Columns run along x, rows along -y."""
    return Pose.looking(np.array([x, 0.0, height]), np.array([0.0, 0.0, -1.0]), np.array([0, 1, 0]))


def watch(camera: EventCamera, motion: str = "mixed", keyframes: int = 4) -> Any:
    scene = Scene(motion, 3)
    return joined(
        [camera.see(*scene.at(k * KEYFRAME_US * 1e-6), k * KEYFRAME_US) for k in range(keyframes)]
    )


def test_luminance_is_linear_and_finer_than_eight_bits() -> None:
    model, data = board(0.5, 0.0103)
    with SceneRenderer(model, LENS) as renderer:
        frame = renderer.render(data, above(0.0))
    assert frame.luminance.shape == (144, 192) and frame.luminance.dtype == np.float32
    assert frame.luminance[70, 10] == pytest.approx(0.5, rel=1e-3)
    assert frame.luminance[70, 180] == pytest.approx(0.0103, rel=1e-2)


def test_haze_leaves_a_twentieth_of_the_contrast_at_the_visibility() -> None:
    model, data = board(0.5, 0.1)
    with SceneRenderer(model, LENS, 1, haze=Haze(2.0, 0.8)) as renderer:
        frame = renderer.render(data, above(0.0))
        far = renderer.render(data, above(0.0, 20.0))
    assert frame.luminance[33, 10] == pytest.approx(0.8 + 0.05 * (0.5 - 0.8), rel=1e-3)
    assert far.luminance[33, 50] == pytest.approx(0.8, rel=1e-3)


def test_colours_become_their_luminance() -> None:
    xml = BOARD.format(left=0.5, right=0.5).replace("0.5 0.5 0.5 1", "1 0.5 0 1")
    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with SceneRenderer(model, LENS) as renderer:
        seen = renderer.render(data, above(0.0)).luminance
    assert seen[70, 10] == pytest.approx(0.2126 + 0.5 * 0.7152, rel=2e-3)
    assert model.geom_rgba[0, 0] == 1.0  # the user's model stays as it was


@pytest.mark.parametrize("motion", ("mixed", "object", "forward"))
def test_truth_agrees_with_rays_and_finite_differences(motion: str) -> None:
    errors = truth_errors(motion, 5, 150)
    assert errors["points_pct"] > 90.0
    assert errors["flow_error_pct"] < 1.0 and errors["depth_error_pct"] < 1.0


def test_principal_point_and_ids_are_where_the_lens_says() -> None:
    model, data = board(0.2, 0.8)
    with SceneRenderer(model, LENS, 1, ids=True) as renderer:
        geoms, depth = renderer.geom_ids(data, above(0.0)), renderer.render(data, above(0.0)).depth
    # The edge is on the optical axis, so left of column cx is one geom, from there on the other.
    assert (geoms[:, :50] == 0).all() and (geoms[:, 51:] == 1).all()
    assert depth[33, 10] == pytest.approx(2.0, rel=1e-4)


def test_an_edge_makes_the_events_of_its_contrast_where_it_passes() -> None:
    model, data = board(0.2, 0.8)
    config = replace(ideal(EventCameraConfig()), threshold_mismatch=0.0)
    speed = 1.0  # m/s, along -x, so the edge runs to the right by 60/2 px/s
    with EventCamera(model, LENS, config) as camera:
        parts = [camera.see(data, above(-speed * k * 0.02), k * KEYFRAME_US) for k in range(26)]
    events = joined(parts)
    crossed = (events.x > 53) & (events.x < 60)
    assert (events.p[crossed] == 0).all()
    a_pixel = crossed.sum() / (6 * LENS.height)
    change = np.log((300 * 0.8 + 0.1) / (300 * 0.2 + 0.1)) / 0.2
    assert a_pixel == pytest.approx(change, abs=0.6)
    for column in (54, 57):
        mean = events.t[events.x == column].mean() * 1e-6
        # At 1.91 m the nearer half ends; its rim is seen at x z / f.
        assert mean == pytest.approx((column - 50.0) / (60.0 / 1.99), abs=0.02)


def test_nothing_moves_nothing_fires() -> None:
    model, data = board(0.2, 0.8)
    with EventCamera(model, LENS, ideal(EventCameraConfig())) as camera:
        counts = [len(camera.see(data, above(0.0), k * KEYFRAME_US)) for k in range(5)]
    assert counts == [0] * 5


def test_leak_alone_gives_its_rate_in_on_events() -> None:
    model, data = board(0.5, 0.5)
    config = replace(ideal(EventCameraConfig()), leak_hz=5.0)
    with EventCamera(model, LENS, config) as camera:
        parts = [camera.see(data, above(-2.0), k * 40_000) for k in range(26)]
    events = joined(parts)
    assert (events.p == 1).all()
    assert len(events) / (LENS.width * LENS.height) == pytest.approx(5.0, rel=0.1)


def test_same_seed_same_events_other_seed_others() -> None:
    scene = Scene("mixed", 3)
    streams = []
    with EventCamera(scene.model, LENS, None, 1) as camera:
        for seed in (1, 1, 2):
            camera.reset(seed)
            streams.append(watch(camera))
    for name in "txyp":
        assert np.array_equal(getattr(streams[0], name), getattr(streams[1], name))
    assert len(streams[0]) > 1000 and len(streams[0]) != len(streams[2])


def test_stamps_are_in_order_inside_their_interval_and_spread() -> None:
    scene = Scene("mixed", 3)
    with EventCamera(scene.model, LENS) as camera:
        for k in range(4):
            events = camera.see(*scene.at(k * 0.02), k * KEYFRAME_US)
            if k == 0:
                continue
            assert (np.diff(events.t) >= 0).all()
            assert events.t[0] >= (k - 1) * KEYFRAME_US and events.t[-1] < k * KEYFRAME_US
            assert np.bincount(events.t - events.t[0]).max() < 0.02 * len(events)


def test_refractory_time_keeps_events_of_a_pixel_apart() -> None:
    scene = Scene("rotation", 3)
    config = replace(ideal(EventCameraConfig()), refractory_us=2000.0)
    with EventCamera(scene.model, LENS, config) as camera:
        events = watch(camera, "rotation")
    code = events.y.astype(np.int64) * LENS.width + events.x
    order = np.lexsort((events.t, code))
    gaps, same = np.diff(events.t[order]), np.diff(code[order]) == 0
    assert gaps[same].min() >= 1999


def test_in_the_dark_events_get_fewer_and_noise_is_a_larger_part() -> None:
    moving, still = {}, {}
    for lux in (300.0, 1.0):
        scene = Scene("mixed", 3)
        config = EventCameraConfig(scene_lux=lux)
        with EventCamera(scene.model, LENS, config) as camera:
            moving[lux] = len(watch(camera, "mixed", 10))
            camera.reset(0)
            still[lux] = sum(len(camera.see(*scene.at(0.0), k * KEYFRAME_US)) for k in range(10))
    assert moving[1.0] < 0.5 * moving[300.0]
    assert still[1.0] / moving[1.0] > still[300.0] / moving[300.0]


def test_time_must_advance() -> None:
    model, data = board(0.2, 0.8)
    with EventCamera(model, LENS) as camera:
        camera.see(data, above(0.0), 1000)
        with pytest.raises(ValueError, match="time_us is 1000 after 1000"):
            camera.see(data, above(0.0), 1000)


def test_the_advised_interval_shrinks_with_speed() -> None:
    advised = {}
    for motion in ("forward", "rotation"):
        scene = Scene(motion, 3)
        with EventCamera(scene.model, LENS, EventCameraConfig(keyframe_px=1.0)) as camera:
            watch(camera, motion, 2)
            advised[motion] = camera.interval_us
    assert 4_000 <= advised["rotation"] < advised["forward"] <= 28_000


def test_ids_must_be_asked_for() -> None:
    model, data = board(0.2, 0.8)
    with SceneRenderer(model, LENS) as renderer, pytest.raises(RuntimeError, match="ids=True"):
        renderer.geom_ids(data, above(0.0))


def test_a_joints_body_has_the_flow_of_its_points() -> None:
    xml = """
    <mujoco><option gravity="0 0 0"/><visual><map znear="0.01" zfar="30"/></visual><worldbody>
      <body pos="0 0 0"><freejoint/><geom type="box" size="1 1 0.1" pos="0.5 0 0" mass="1"/></body>
    </worldbody></mujoco>"""
    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    data.qvel[:] = (0.3, -0.2, 0.1, 0.0, 0.0, 0.5)
    mujoco.mj_forward(model, data)
    pose, pixel = above(0.0), (40, 60)
    with TruthRenderer(model, LENS) as renderer:
        truth = renderer.look(data, pose, Twist.none())
    ray = np.append(LENS.rays()[pixel], 1.0)
    point = pose.position + pose.rotation @ (ray * truth.depth[pixel])
    velocity = data.qvel[:3] + np.cross(data.qvel[3:], point - data.xpos[1])
    ends = [
        LENS.project((((point + sign * 1e-4 * velocity) - pose.position) @ pose.rotation)[None])[0]
        for sign in (-1.0, 1.0)
    ]
    assert truth.geoms[pixel] == 0
    assert np.allclose(truth.flow[pixel], (ends[1] - ends[0]) / 2e-4, rtol=1e-3, atol=1e-2)


def test_a_closed_renderer_refuses() -> None:
    model, data = board(0.2, 0.8)
    renderer = SceneRenderer(model, LENS)
    renderer.close()
    with pytest.raises(RuntimeError, match="closed"):
        renderer.render(data, above(0.0))


@settings(max_examples=20)
@given(st.floats(0.01, 1.0), st.floats(0.1, 1e4))
def test_log_picture_of_a_flat_scene_is_flat(value: float, lux: float) -> None:
    out = log_picture(np.full((8, 12), value, np.float32), lux, 0.1)
    assert np.allclose(out, np.log(lux * value + 0.1), atol=1e-4)


@settings(max_examples=30)
@given(st.lists(st.floats(0.0, 999.0, width=32), max_size=300), st.integers(0, 2**32))
def test_the_bus_keeps_order_and_loses_nothing_while_it_can_wait(
    times: list[float], seed: int
) -> None:
    config = EventCameraConfig(bus_rate_hz=1e6, bus_wait_us=1e9)
    readout = Readout(config, 10, 10)
    random = np.array([seed], np.uint64)
    what = np.arange(len(times), dtype=np.int32) % 200
    found = [readout.read(np.array(times, np.float32), what, 0, 1000, random)]
    for k in range(1, 4):
        none = (np.empty(0, np.float32), np.empty(0, np.int32))
        found.append(readout.read(*none, 1000 * k, 1000, random))
    events = joined(found)
    assert len(events) == len(times) and readout.lost == 0
    assert (np.diff(events.t) >= 1).all()


def test_a_crowded_bus_loses_what_waits_too_long() -> None:
    config = EventCameraConfig(bus_rate_hz=1e5, bus_wait_us=100.0, jitter_us=0.0)
    readout = Readout(config, 10, 10)
    when = np.full(100, 5.0, np.float32)
    events = readout.read(when, np.arange(100, dtype=np.int32), 0, 10_000, np.zeros(1, np.uint64))
    assert len(events) + readout.lost == 100 and 10 <= len(events) <= 12


def test_processes_side_by_side_end_without_a_word() -> None:
    program = (
        "from spikeloop_sim.evcam.scenes import Scene, lens\n"
        "from spikeloop_sim.event_camera.camera import EventCamera\n"
        "scene = Scene('mixed', 3)\n"
        "camera = EventCamera(scene.model, lens())\n"
        "for k in range(3): camera.see(*scene.at(0.02 * k), 20000 * k)\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(4)
    ]
    for process in running:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0 and output == b""
