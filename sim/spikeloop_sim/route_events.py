"""The map of a route by events: what a rover's event camera sees as it drives past the places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop.perception.place.event_window import EventWindow
from spikeloop_sim.datasets.stage import SceneStage
from spikeloop_sim.diff_drive_cameras import lens_of
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.event_camera.camera import EventCamera
from spikeloop_sim.event_camera.config import EventCameraConfig
from spikeloop_sim.event_camera.optics import Pose
from spikeloop_sim.route_map import Look, Views, pose_on_mast
from spikeloop_sim.route_rover import RouteRoverConfig
from spikeloop_sim.worlds.scene import Scene

KEYFRAME_US, LATEST_US = 10_000, 20_000
"""A rover's camera looks at its ticks, and once in a packet at least."""
RARELY_US = 900_000
"""It may not look away for a second."""
SETTLING_S = 0.1
"""Looked at before a window begins, so that pixels have settled on what they see."""


@dataclass(frozen=True)
class Passing:
    """How a rover passes the places.

    Attributes:
        speed: m/s.
        window: s of events that make a picture.

    """

    speed: float = 2.0
    window: float = 0.25


def by_events(rover: RouteRoverConfig | None = None, passing: Passing | None = None) -> Look:
    """Counts of the events of a rover's event camera, as pictures of 0 to 1, float32.

    Between the windows of two places the camera hardly looks, for nothing of that is used: its
    motion there counts as steady.

    Args:
        rover: whose camera is carried.
        passing: how it drives; default where None.

    """
    carried, passes = rover or RouteRoverConfig(), passing or Passing()
    return lambda visit, scene, offsets: _drive(visit, scene, offsets, carried, passes)


def _drive(
    visit: int,
    scene: Scene,
    offsets: NDArray[np.float64],
    rover: RouteRoverConfig,
    passing: Passing,
) -> Views:
    """Of one drive: pictures (places, h, w) float32 of 0 to 1."""
    stage, sizes = SceneStage(scene), DiffDriveConfig()
    ahead = passing.window + SETTLING_S
    poses = np.array(scene.route[: len(offsets)])
    path = _Path(poses, offsets, passing.speed, ahead)
    lens = lens_of(sizes.event_width, sizes.event_height, rover.field_deg)
    config = EventCameraConfig(scene_lux=stage.lux)
    pictures = np.zeros((len(poses), lens.height, lens.width), np.float32)
    window, data = EventWindow(passing.window), stage.at(0.0)
    with EventCamera(stage.model, lens, config, visit) as camera:
        before_us = -KEYFRAME_US
        for n, end_us in enumerate(path.times_us):
            for time_us in _looks(camera, before_us, end_us - round(1e6 * ahead), end_us):
                window.add(camera.see(data, path.pose(time_us), time_us))
            before_us = end_us
            picture = window.picture()
            if picture is not None:
                pictures[n] = picture
    return Views(pictures, poses)


class _Path:
    """A drive past all places at one speed, from `ahead` seconds before the first one on."""

    def __init__(
        self, poses: NDArray[np.float64], offsets: NDArray[np.float64], speed: float, ahead: float
    ) -> None:
        heading = poses[0, 2]
        lead = speed * ahead * np.array([np.cos(heading), np.sin(heading), 0.0])
        rows = np.column_stack(
            [np.vstack([poses[0] - lead, poses]), np.vstack([offsets[0], offsets])]
        )
        rows[:, 2] = np.unwrap(rows[:, 2])
        ways = np.linalg.norm(np.diff(rows[:, :2], axis=0), axis=1)
        times = np.concatenate([[0.0], np.cumsum(ways)]) / speed
        self._rows, self._times = rows, 1e6 * times
        self.times_us = [round(time) for time in self._times[1:].tolist()]

    def pose(self, time_us: int) -> Pose:
        """Of the camera."""
        row = np.array([np.interp(time_us, self._times, column) for column in self._rows.T])
        return pose_on_mast(row[:3], row[3:])


def _looks(camera: EventCamera, last_us: int, begin_us: int, end_us: int) -> Iterator[int]:
    """Times to look at: from `last_us` on rarely, from `begin_us` as motion asks, to `end_us`."""
    time_us = last_us
    while begin_us - time_us > RARELY_US:
        time_us += RARELY_US
        yield time_us
    time_us = max(begin_us, last_us + KEYFRAME_US)
    while time_us < end_us:
        yield time_us
        late = camera.interval_us // KEYFRAME_US * KEYFRAME_US
        time_us += min(max(late, KEYFRAME_US), LATEST_US)
    yield end_us
