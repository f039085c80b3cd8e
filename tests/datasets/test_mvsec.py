"""MVSEC's layout: tiny files written by hand, and each thing that can lack."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from spikeloop.datasets.mvsec import MvsecSequence, sequences
from spikeloop.datasets.source import DatasetError

START = 1504645177.5
T = START + np.array([0.0, 0.001, 0.0025, 0.0100])


def make_sequence(root: Path, *, npz: bool = False) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    path = root / "indoor_flying1_data.hdf5"
    with h5py.File(path, "w") as file:
        for side in ("left", "right"):
            rows = np.column_stack(
                [[0.0, 345.0, 7.0, 8.0], [0.0, 259.0, 1.0, 2.0], T, [1, -1, 1, 1]]
            )
            file[f"davis/{side}/events"] = rows
            file[f"davis/{side}/image_raw"] = np.full((2, 260, 346), 9, np.uint8)
            file[f"davis/{side}/image_raw_ts"] = START + np.array([0.0, 0.02])
            file[f"davis/{side}/image_raw_event_inds"] = np.array([0, 3])
    with h5py.File(root / "indoor_flying1_gt.hdf5", "w") as file:
        depth = np.full((2, 260, 346), 2.5, np.float32)
        depth[0, 0, 0] = np.nan
        depth[0, 0, 1] = 0.0
        file["davis/left/depth_image_rect"] = depth
        file["davis/left/depth_image_rect_ts"] = START + np.array([0.0, 0.05])
        file["davis/left/pose"] = np.stack([np.eye(4)] * 3)
        file["davis/left/pose_ts"] = START + np.array([0.0, 0.05, 0.1])
        if not npz:
            file["davis/left/flow_dist"] = flow_field().transpose(0, 3, 1, 2)
            file["davis/left/flow_dist_ts"] = START + np.array([0.0, 0.05])
    if npz:
        np.savez(
            root / "indoor_flying1_gt_flow_dist.npz",
            x_flow_dist=flow_field()[..., 0],
            y_flow_dist=flow_field()[..., 1],
            timestamps=START + np.array([0.0, 0.05]),
        )
    return path


def flow_field() -> np.ndarray:
    flow = np.zeros((2, 260, 346, 2))
    flow[1, 10, 20] = (1.5, -2.0)
    return flow


def test_events_frames_depth_and_poses(tmp_path: Path) -> None:
    (sequence,) = sequences(make_sequence(tmp_path).parent)
    assert sequence.name == "indoor_flying1"
    events = sequence.events()
    base = 1_504_645_177_500_000
    assert (events.t - base).tolist() == [0, 1000, 2500, 10_000]
    assert events.p.tolist() == [1, 0, 1, 1] and events.x.tolist() == [0, 345, 7, 8]
    assert (events.width, events.height) == (346, 260)
    assert (sequence.events("right", base + 1000, base + 10_000).t - base).tolist() == [1000, 2500]
    assert (sequence.frame_times() - base).tolist() == [0, 20_000]
    assert sequence.frame(1).shape == (260, 346) and sequence.frame(1).dtype == np.uint8
    depth = sequence.depth(0)
    assert np.isnan(depth[0, :2]).all() and depth[0, 2] == 2.5
    times, poses = sequence.poses()
    assert (times - base).tolist() == [0, 50_000, 100_000] and poses.shape == (3, 4, 4)


@pytest.mark.parametrize("npz", (False, True))
def test_flow_of_either_file(tmp_path: Path, npz: bool) -> None:
    sequence = MvsecSequence(make_sequence(tmp_path, npz=npz))
    assert np.diff(sequence.flow_times()).tolist() == [50_000]
    flow = sequence.flow(1)
    assert flow[10, 20].tolist() == [1.5, -2.0] and np.isnan(flow[0, 0]).all()


def test_what_lacks_is_named(tmp_path: Path) -> None:
    path = make_sequence(tmp_path)
    with h5py.File(path, "a") as file:
        del file["davis/left/events"]
        file["davis/left/events"] = np.zeros((3, 5))
        del file["davis/left/image_raw_ts"]
    sequence = MvsecSequence(path)
    with pytest.raises(DatasetError, match=r"'davis/left/events' must be \(n, 4\)"):
        sequence.events()
    with pytest.raises(DatasetError, match="lacks 'davis/left/image_raw_ts'"):
        sequence.frame_times()
    with pytest.raises(DatasetError, match="'davis/left/image_raw' has 2 entries, none at 2"):
        sequence.frame(2)
    (tmp_path / "indoor_flying1_gt.hdf5").unlink()
    with pytest.raises(DatasetError, match=r"indoor_flying1_gt\.hdf5: no such file"):
        sequence.depth(0)
    with pytest.raises(DatasetError, match=r"must be called NAME_data\.hdf5"):
        MvsecSequence(tmp_path / "x.hdf5")
    with pytest.raises(DatasetError, match=r"holds no NAME_data\.hdf5"):
        (tmp_path / "empty").mkdir()
        sequences(tmp_path / "empty")


def test_events_beyond_the_sensor_are_refused(tmp_path: Path) -> None:
    path = make_sequence(tmp_path)
    with h5py.File(path, "a") as file:
        file["davis/left/events"][2, 0] = 346.0
    with pytest.raises(DatasetError, match="beyond 346x260"):
        MvsecSequence(path).events()
