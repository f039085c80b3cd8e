"""DSEC's layout: a tiny sequence written by hand, field by field, and each thing that can lack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spikeloop.datasets.dsec import (
    TRACKS,
    DsecSequence,
    decode_flow,
    encode_disparity,
    encode_flow,
    sequences,
)
from spikeloop.datasets.source import DatasetError

W, H, OFFSET = 8, 6, 40_000_000_000
T = np.array([0, 10, 999, 1000, 1500, 3001, 3002, 7000], np.uint32)


def make_sequence(root: Path) -> Path:
    """With events in left and right, disparity, flow, frames, boxes and calibration."""
    path = root / "zurich_city_00_a"
    for side in ("left", "right"):
        folder = path / "events" / side
        folder.mkdir(parents=True)
        with h5py.File(folder / "events.h5", "w") as file:
            file["events/t"] = T
            file["events/x"] = (np.arange(8) % W).astype(np.uint16)
            file["events/y"] = (np.arange(8) % H).astype(np.uint16)
            file["events/p"] = (np.arange(8) % 2).astype(np.uint8)
            # The first event of each millisecond.
            file["ms_to_idx"] = np.searchsorted(T, 1000 * np.arange(8)).astype(np.uint64)
            file["t_offset"] = np.int64(OFFSET)
        with h5py.File(folder / "rectify_map.h5", "w") as file:
            x, y = np.meshgrid(np.arange(W), np.arange(H))
            file["rectify_map"] = np.stack([x + 0.5, y], -1).astype(np.float32)
    (path / "disparity/event").mkdir(parents=True)
    (path / "disparity/timestamps.txt").write_text(f"{OFFSET}\n{OFFSET + 100_000}\n")
    for index in (0, 2):
        picture = np.zeros((H, W), np.uint16)
        picture[2, 3] = 256 * 5 + 64 + index
        cv2.imwrite(str(path / f"disparity/event/{index:06d}.png"), picture)
    (path / "flow/forward").mkdir(parents=True)
    (path / "flow/forward_timestamps.txt").write_text(
        f"# from_timestamp_us, to_timestamp_us\n{OFFSET}, {OFFSET + 100_000}\n"
    )
    stored = np.zeros((H, W, 3), np.uint16)
    stored[1, 4] = (2**15 + 128 * 3, 2**15 - 64, 1)
    cv2.imwrite(str(path / "flow/forward/000002.png"), stored[..., ::-1])
    (path / "images/left/rectified").mkdir(parents=True)
    (path / "images/timestamps.txt").write_text(f"{OFFSET + 50_000}\n")
    cv2.imwrite(str(path / "images/left/rectified/000000.png"), np.full((H, W), 7, np.uint8))
    (path / "object_detections/left").mkdir(parents=True)
    boxes = np.array([(OFFSET + 9, 1, 2, 3, 4, 2, 0.9, 5), (OFFSET, 0, 0, 1, 1, 0, 1, 6)], TRACKS)
    np.save(path / "object_detections/left/tracks.npy", boxes)
    (path / "calibration").mkdir()
    q = [[1, 0, 0, -4], [0, 1, 0, -3], [0, 0, 0, 500.0], [0, 0, 1 / 0.6, 0]]
    content = {"intrinsics": {}, "extrinsics": {}, "disparity_to_depth": {"cams_03": q}}
    (path / "calibration/cam_to_cam.yaml").write_text(yaml.safe_dump(content))
    return path


def test_events_are_absolute_and_cut_by_time(tmp_path: Path) -> None:
    sequence = DsecSequence(make_sequence(tmp_path))
    events = sequence.events("left")
    assert events.t.tolist() == (T.astype(np.int64) + OFFSET).tolist()
    assert (events.width, events.height) == (W, H)
    assert events.p.tolist() == [0, 1] * 4 and events.x.tolist() == list(range(8))
    some = sequence.events("right", OFFSET + 999, OFFSET + 3002)
    assert (some.t - OFFSET).tolist() == [999, 1000, 1500, 3001]


@given(begin=st.integers(-2000, 9000), length=st.integers(0, 9000))
def test_any_cut_is_what_a_mask_gives(tmp_path_factory: Any, begin: int, length: int) -> None:
    root = tmp_path_factory.getbasetemp() / "cuts"
    path = root / "zurich_city_00_a"
    sequence = DsecSequence(path if path.exists() else make_sequence(root))
    found = sequence.events("left", OFFSET + begin, OFFSET + begin + length).t - OFFSET
    assert found.tolist() == [t for t in T.tolist() if begin <= t < begin + length]


def test_disparity_flow_frames_boxes_and_calibration(tmp_path: Path) -> None:
    sequence = DsecSequence(make_sequence(tmp_path))
    assert [time for time, _ in sequence.disparities] == [OFFSET, OFFSET + 100_000]
    disparity = sequence.disparity(0)
    assert disparity[2, 3] == 5.25 and np.isnan(disparity).sum() == W * H - 1
    (interval,) = sequence.flows()
    assert (interval.begin_us, interval.end_us) == (OFFSET, OFFSET + 100_000)
    flow, valid = sequence.flow(interval)
    assert valid.sum() == 1 and flow[1, 4].tolist() == [3.0, -0.5] and np.isnan(flow[0, 0]).all()
    assert sequence.frame_times.tolist() == [OFFSET + 50_000] and len(sequence.frames("left")) == 1
    assert sequence.boxes()["track_id"].tolist() == [6, 5]
    assert sequence.focal_and_baseline == pytest.approx((500.0, 0.6))
    assert sequence.rectify_map("left")[2, 3].tolist() == [3.5, 2.0]


def test_sequences_are_found_below(tmp_path: Path) -> None:
    make_sequence(tmp_path / "train")
    assert [s.name for s in sequences(tmp_path)] == ["zurich_city_00_a"]
    with pytest.raises(DatasetError, match=r"holds no folder with events/left/events\.h5"):
        sequences(tmp_path / "train/zurich_city_00_a/disparity")


@given(arrays(np.float32, (3, 4), elements=st.floats(0.0078125, 255.0, width=32)))
def test_disparity_survives_to_half_a_step(disparity: np.ndarray) -> None:
    stored = encode_disparity(disparity)
    assert np.abs(stored / 256.0 - disparity).max() <= 0.5 / 256 + 1e-6


def test_unknown_disparity_is_zero() -> None:
    bad = np.array([[np.nan, np.inf, -1.0, 0.0, 300.0, 2.0]], np.float32)
    assert encode_disparity(bad).tolist() == [[0, 0, 0, 0, 0, 512]]


@given(arrays(np.float32, (3, 4, 2), elements=st.floats(-255.0, 255.0, width=32)))
def test_flow_survives_to_half_a_step(flow: np.ndarray) -> None:
    back, valid = decode_flow(encode_flow(flow, np.ones((3, 4), bool)))
    assert valid.all() and np.abs(back - flow).max() <= 0.5 / 128 + 1e-5


def test_flow_beyond_the_code_is_invalid() -> None:
    flow = np.array([[[300.0, 0.0], [1.0, 1.0], [2.0, 2.0]]], np.float32)
    _, valid = decode_flow(encode_flow(flow, np.array([[True, False, True]])))
    assert valid.tolist() == [[False, False, True]]


@pytest.mark.parametrize(
    ("spoil", "message"),
    (
        (lambda p: _drop(p / "events/left/events.h5", "t_offset"), "lacks 't_offset'"),
        (lambda p: _drop(p / "events/left/events.h5", "events/y"), "lacks 'events/y'"),
        (lambda p: _drop(p / "events/left/events.h5", "ms_to_idx"), "lacks 'ms_to_idx'"),
        (lambda p: (p / "events/left/events.h5").write_bytes(b"no"), "can't be read as HDF5"),
        (lambda p: (p / "events/left/rectify_map.h5").unlink(), r"rectify_map\.h5: no such file"),
        (lambda p: _replace(p / "events/left/events.h5", "events/x", np.zeros(5)), "of lengths"),
        (
            lambda p: _replace(p / "events/left/events.h5", "events/x", np.full(8, 99)),
            "beyond 8x6",
        ),
    ),
)
def test_damaged_events_are_named(tmp_path: Path, spoil: Any, message: str) -> None:
    path = make_sequence(tmp_path)
    spoil(path)
    with pytest.raises(DatasetError, match=message):
        DsecSequence(path).events("left", OFFSET, OFFSET + 10)


def test_other_damage_is_named(tmp_path: Path) -> None:
    path = make_sequence(tmp_path)
    (path / "disparity/event/000002.png").unlink()
    with pytest.raises(DatasetError, match=r"1 pictures, but timestamps\.txt has 2 times"):
        _ = DsecSequence(path).disparities
    (path / "disparity/timestamps.txt").write_text("12\nx\n")
    with pytest.raises(DatasetError, match=r"timestamps\.txt: line 2 must hold 1 whole number"):
        _ = DsecSequence(path).disparities
    (path / "disparity/timestamps.txt").write_text("12\n")
    cv2.imwrite(str(path / "disparity/event/000000.png"), np.zeros((H, W), np.uint8))
    with pytest.raises(DatasetError, match=r"disparity must have 1 channel.* of uint16, not 1 of"):
        DsecSequence(path).disparity(0)
    (path / "calibration/cam_to_cam.yaml").write_text("intrinsics: {}\n")
    with pytest.raises(DatasetError, match=r"cam_to_cam\.yaml: lacks 'extrinsics'"):
        _ = DsecSequence(path).calibration
    np.save(path / "object_detections/left/tracks.npy", np.zeros(2, [("t", "u8")]))
    with pytest.raises(DatasetError, match=r"tracks\.npy: the records lack the field 'x'"):
        DsecSequence(path).boxes()
    with pytest.raises(DatasetError, match="no such folder, where a sequence of DSEC"):
        DsecSequence(tmp_path / "nothing")


def _drop(path: Path, name: str) -> None:
    with h5py.File(path, "a") as file:
        del file[name]


def _replace(path: Path, name: str, values: np.ndarray) -> None:
    _drop(path, name)
    with h5py.File(path, "a") as file:
        file[name] = values.astype(np.uint16)
