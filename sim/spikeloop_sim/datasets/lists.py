"""Lists of times, poses and boxes of a whole recording, from the notes of its parts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spikeloop_sim.datasets.config import US, RecordConfig
from spikeloop_sim.datasets.dsec_layout import DsecFolder
from spikeloop_sim.datasets.rig import START_US
from spikeloop_sim.event_camera.optics import Pose
from spikeloop_sim.objects import Box


def write_lists(dsec: DsecFolder, notes: Sequence[Path], config: RecordConfig) -> None:
    """Write them in DSEC's forms.

    Args:
        dsec: where.
        notes: of the parts, in order.
        config: has the frames' rate.

    """
    times: list[int] = []
    poses: list[Pose] = []
    boxes: list[tuple[int, list[Box]]] = []
    exposures: list[tuple[int, int]] = []
    for path in notes:
        part = json.loads(path.read_text(encoding="utf-8"))
        times += part["times"]
        for row in part["poses"]:
            poses.append(Pose(np.array(row[:3]), np.array(row[3:]).reshape(3, 3)))
        for time, found in zip(part["times"], part["boxes"], strict=True):
            boxes.append((time, [Box(**box) for box in found]))
        exposures += [(begin, end) for begin, end in part["exposures"]]
    every = US // config.frame_rate
    frames = [START_US + number * every for number in range(len(exposures))]
    dsec.times(times, frames, exposures)
    dsec.poses(times, poses)
    dsec.tracks(boxes)
