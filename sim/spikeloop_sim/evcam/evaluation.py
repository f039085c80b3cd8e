"""Measurements of the task `evcam`."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, joined
from spikeloop_sim.evcam.brute_force import STEP_US, reference_events
from spikeloop_sim.evcam.matching import agreement
from spikeloop_sim.evcam.scenes import Scene, lens
from spikeloop_sim.event_camera.camera import EventCamera
from spikeloop_sim.event_camera.config import EventCameraConfig, ideal
from spikeloop_sim.event_camera.truth import Truth, TruthRenderer
from spikeloop_sim.stereo import StereoRig

LIGHTS_LUX = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
BASELINE_M = 0.12
_FINITE_S = 2e-4


def compare(motion: str, seed: int, duration_us: int) -> dict[str, float]:
    """Agreement of interpolated with brute-force events of one motion; see `agreement`."""
    scene, config = Scene(motion, seed), ideal(EventCameraConfig())
    with EventCamera(scene.model, lens(), config, seed) as camera:
        thresholds, head_start = camera.thresholds, camera.head_start
        ours = watch(camera, scene, duration_us)
    reference = reference_events(scene, config, thresholds, head_start, duration_us)
    speed = _speed(scene, duration_us)
    found = agreement(ours, reference, speed)
    found["mev_s"] = len(reference) / duration_us
    found["mean_px_s"] = float(speed.mean())
    return found


def truth_errors(motion: str, seed: int, count: int) -> dict[str, float]:
    """Flow, depth and disparity at random pixels against rays and differences of their points.

    Returns:
        flow_error_pct, depth_error_pct, disparity_error_pct: 95th percentile over the points,
        relative.

    """
    scene, eye = Scene(motion, seed), lens()
    rig = StereoRig(eye, BASELINE_M)
    time_s = 0.05
    with TruthRenderer(scene.model, eye) as renderer:
        truth = renderer.look(*scene.at(time_s), scene.twist(time_s), scene.box_twists())
    random = np.random.default_rng(seed)
    disparity = rig.disparity(truth.depth)
    flow_errors, depth_errors, disparity_errors = [], [], []
    for _ in range(count):
        x, y = int(random.integers(eye.width)), int(random.integers(eye.height))
        ray = np.append(eye.rays()[y, x], 1.0)
        depth, geom, local = _hit(scene, time_s, ray)
        # Rims apart, where the ray and the drawn, coarser, surface hit different things.
        if geom != truth.geoms[y, x] or abs(depth / truth.depth[y, x] - 1.0) > 0.05:
            continue
        ends = [_seen(scene, time_s + sign * _FINITE_S, geom, local) for sign in (-1.0, 1.0)]
        flow = (ends[1] - ends[0]) / (2.0 * _FINITE_S)
        size = max(float(np.linalg.norm(flow)), 1.0)
        flow_errors.append(float(np.linalg.norm(flow - truth.flow[y, x])) / size)
        depth_errors.append(abs(truth.depth[y, x] / depth - 1.0))
        apart = _seen(scene, time_s, geom, local)[0] - _seen(scene, time_s, geom, local, rig)[0]
        disparity_errors.append(abs(disparity[y, x] / apart - 1.0))
    return {
        "flow_error_pct": 100.0 * float(np.percentile(flow_errors, 95)),
        "depth_error_pct": 100.0 * float(np.percentile(depth_errors, 95)),
        "disparity_error_pct": 100.0 * float(np.percentile(disparity_errors, 95)),
        "points_pct": 100.0 * len(flow_errors) / count,
    }


def light_curve(seed: int, duration_us: int) -> dict[str, float]:
    """How many events, how late, and what part of them noise, by the scene's light.

    Returns:
        for each light `events_NNNlx_kev_s`, `noise_NNNlx_kev_s` (camera and scene at rest), and
        `delay_NNNlx_ms`, the median of how much later an event comes than from a pixel that
        follows light at once.

    """
    found: dict[str, float] = {}
    scene, base = Scene("mixed", seed), EventCameraConfig()
    for lux in LIGHTS_LUX:
        name = f"{lux:g}lx"
        config = replace(base, scene_lux=lux)
        quiet = replace(ideal(config), bandwidth_hz=config.bandwidth_hz)
        streams = {}
        for kind, chosen in (("real", config), ("quiet", quiet), ("ideal", ideal(config))):
            with EventCamera(scene.model, lens(), chosen, seed) as camera:
                streams[kind] = watch(camera, scene, duration_us)
                if kind == "real":
                    camera.reset(seed)
                    still = watch(camera, Scene("object", seed), duration_us, still=True)
        found[f"events_{name}_kev_s"] = 1e3 * len(streams["real"]) / duration_us
        found[f"noise_{name}_kev_s"] = 1e3 * len(still) / duration_us
        found[f"delay_{name}_ms"] = _delay_ms(streams["quiet"], streams["ideal"])
    return found


def watch(camera: EventCamera, scene: Scene, duration_us: int, *, still: bool = False) -> Events:
    """Events from time 0 on, with keyframes as the camera advises; `still` holds the scene."""
    parts, t = [], 0
    while True:
        parts.append(camera.see(*scene.at(0.0 if still else t * 1e-6), t))
        if t == duration_us:
            return joined(parts)
        # On the reference's grid of times, so that both end together.
        t = min(t + camera.interval_us // STEP_US * STEP_US, duration_us)


def _speed(scene: Scene, duration_us: int) -> NDArray[np.float32]:
    """(h, w) px/s: the fastest that passes within a pixel of each, at any of five times."""
    fastest = np.zeros((lens().height, lens().width), np.float32)
    with TruthRenderer(scene.model, lens()) as renderer:
        for time_s in np.linspace(0.0, duration_us * 1e-6, 5):
            truth: Truth = renderer.look(*scene.at(time_s), scene.twist(time_s), scene.box_twists())
            fastest = np.maximum(fastest, np.linalg.norm(truth.flow, axis=-1))
    wide = np.pad(fastest, 1, mode="edge")
    rows, columns = fastest.shape
    shifts = [wide[r : r + rows, c : c + columns] for r in range(3) for c in range(3)]
    out: NDArray[np.float32] = np.max(shifts, axis=0)
    return out


def _hit(
    scene: Scene, time_s: float, ray: NDArray[np.float64]
) -> tuple[float, int, NDArray[np.float64]]:
    """Depth and geom where a ray of the optical frame ends, and the point in the geom's frame."""
    data, pose = scene.at(time_s)
    geom = np.zeros(1, np.int32)
    along = pose.rotation @ ray / np.linalg.norm(ray)
    far = mujoco.mj_ray(scene.model, data, pose.position, along, None, True, -1, geom)
    point = pose.position + far * along
    turn = data.geom_xmat[geom[0]].reshape(3, 3)
    return (
        far / float(np.linalg.norm(ray)),
        int(geom[0]),
        turn.T @ (point - data.geom_xpos[geom[0]]),
    )


def _seen(
    scene: Scene,
    time_s: float,
    geom: int,
    local: NDArray[np.float64],
    rig: StereoRig | None = None,
) -> NDArray[np.float64]:
    """Where a geom's point is in the picture at a time, px; with a rig, in its right camera's."""
    data, pose = scene.at(time_s)
    pose = pose if rig is None else rig.right(pose)
    point = data.geom_xmat[geom].reshape(3, 3) @ local + data.geom_xpos[geom]
    seen: NDArray[np.float64] = lens().project(((point - pose.position) @ pose.rotation)[None])[0]
    return seen


def _delay_ms(late: Events, prompt: Events) -> float:
    """Median of how much later the first event of each pixel and polarity comes."""
    size = 2 * late.width * late.height
    first = np.full((2, size), np.iinfo(np.int64).max)
    for k, events in enumerate((late, prompt)):
        code = 2 * (events.y.astype(np.int64) * events.width + events.x) + events.p
        np.minimum.at(first[k], code, events.t)
    both = (first < np.iinfo(np.int64).max).all(axis=0)
    return float(np.median((first[0] - first[1])[both])) * 1e-3 if both.any() else float("nan")
