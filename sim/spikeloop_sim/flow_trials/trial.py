"""One drive through a world: events in lots of 20 ms, and the true flow at their ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.metrics.flow import flow_errors
from spikeloop.perception.flow.planes import PlaneFlow
from spikeloop_sim.datasets.config import RecordConfig
from spikeloop_sim.datasets.rig import Rig
from spikeloop_sim.datasets.stage import make_stage
from spikeloop_sim.event_camera.config import EventCameraConfig
from spikeloop_sim.frame_camera_config import FrameCameraConfig

RATE = 50
FIGURES = ("endpoint", "relative", "angle", "gain")
SETTLING = 5
"""Lots at the beginning that aren't scored: the times of events fill first."""


def drive(
    world: str, seed: int, seconds: float
) -> Iterator[tuple[Events, NDArray[np.float32], NDArray[np.float32]]]:
    """Events of each 20 ms with the true flow before and after them, (h, w, 2) pixels/s."""
    config = RecordConfig(stereo=False, frames=False, lidar=False, rate=RATE)
    stage = make_stage(world, seed)
    last = round(seconds * RATE)
    rig = Rig(stage, config, EventCameraConfig(), FrameCameraConfig(), seed, seconds)
    before: NDArray[np.float32] | None = None
    with closing(rig):
        for index in range(-(-last // config.segment)):
            for seen in rig.part(index, last).seen:
                after = seen.view.truth.flow
                if before is not None:
                    yield seen.events["left"], before, after
                before = after


def trial(world: str, seed: int, seconds: float) -> dict[str, float]:
    """Errors on one drive.

    Returns:
        endpoint (median, pixels/s), relative (median, part), angle_deg (median), gain (median),
        outliers (part, 3 pixels in 20 ms), density (part of the pixels with events), speed (the
        mean true one, pixels/s).

    """
    found: dict[str, list[NDArray[np.float32]]] = {name: [] for name in FIGURES}
    speeds, asked = [], 0
    planes = PlaneFlow(RecordConfig().width, RecordConfig().height)
    for number, (events, before, after) in enumerate(drive(world, seed, seconds)):
        truth = 0.5 * (before + after)
        where = np.zeros(truth.shape[:2], bool)
        where[events.y, events.x] = True
        flow = planes.feed(events)
        if number < SETTLING:
            continue
        errors = flow_errors(flow, truth, where)
        asked += errors.asked
        speeds.append(np.hypot(*truth[where].T))
        for name in FIGURES:
            found[name].append(getattr(errors, name))
    whole = {name: np.concatenate(values) for name, values in found.items()}
    return {
        "speed": float(np.concatenate(speeds).mean()),
        "endpoint": float(np.median(whole["endpoint"])),
        "relative": float(np.median(whole["relative"])),
        "angle_deg": float(np.degrees(np.median(whole["angle"]))),
        "gain": float(np.median(whole["gain"])),
        "outliers": float(np.mean(whole["endpoint"] > 3.0 * RATE)),
        "density": len(whole["endpoint"]) / max(asked, 1),
    }
