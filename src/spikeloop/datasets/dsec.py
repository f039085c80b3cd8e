"""DSEC: stereo events, frames, disparity, optical flow and boxes of driving.

Layout after its page "data format" (Gehrig, Aarents, Gehrig and Scaramuzza, DSEC, RA-L 2021), its
optical flow (Gehrig et al., E-RAFT, 3DV 2021) and its boxes (Gehrig and Scaramuzza, Low latency
automotive vision with event cameras, Nature 2024). One folder a sequence:

    events/{left,right}/events.h5           events/{t,x,y,p}, ms_to_idx, t_offset
    events/{left,right}/rectify_map.h5      rectify_map (h, w, 2) float32: rectified column, row
    disparity/timestamps.txt                us, a line each
    disparity/event/NNNNNN.png              uint16, 256 times the disparity, 0 where unknown
    flow/{forward,backward}_timestamps.txt  from, to in us
    flow/{forward,backward}/NNNNNN.png      uint16 x 3: 128 u + 2^15, 128 v + 2^15, valid
    images/timestamps.txt, images/{left,right}/rectified/NNNNNN.png
    object_detections/{left,right}/tracks.npy
    calibration/cam_to_cam.yaml

The simulator's recordings have it too. What a sequence lacks is only an error if it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import yaml
from numpy.typing import NDArray

from spikeloop.datasets.source import (
    DatasetError,
    need_dataset,
    need_fields,
    need_file,
    need_folder,
    open_hdf5,
    read_numbers,
    read_picture,
    read_text,
)
from spikeloop.events.array import Events

Side = Literal["left", "right"]
Way = Literal["forward", "backward"]
DISPARITY_SCALE, FLOW_SCALE, FLOW_ZERO = 256.0, 128.0, 1 << 15
CLASSES = (
    "pedestrian", "rider", "car", "bus", "truck", "bicycle", "motorcycle", "train",
)  # fmt: skip
TRACKS = np.dtype(
    [
        ("t", "<u8"), ("x", "<f4"), ("y", "<f4"), ("w", "<f4"), ("h", "<f4"),
        ("class_id", "u1"), ("class_confidence", "<f4"), ("track_id", "<u4"),
    ]
)  # fmt: skip
"""A box: time in us, its upper left corner, size in px, class, confidence and number."""


@dataclass(frozen=True)
class Interval:
    """A field of optical flow to be read: its file and what time it spans, us."""

    path: Path
    begin_us: int
    end_us: int


def encode_disparity(disparity: NDArray[np.float32]) -> NDArray[np.uint16]:
    """As DSEC stores it; what isn't finite, not above 0 or 256 and more becomes 0, unknown."""
    known = np.isfinite(disparity) & (disparity > 0.0) & (disparity < 255.99)
    scaled = np.where(known, np.maximum(np.round(DISPARITY_SCALE * disparity), 1.0), 0.0)
    return scaled.astype(np.uint16)


def encode_flow(flow: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """(h, w, 3) as DSEC stores it; what moves by 255.9 px or more becomes invalid."""
    fits = valid & (np.abs(flow) < 255.9).all(axis=-1)
    scaled = np.round(FLOW_SCALE * np.where(fits[..., None], flow, 0.0)) + FLOW_ZERO
    return np.dstack([np.where(fits[..., None], scaled, 0.0), fits]).astype(np.uint16)


def decode_flow(stored: NDArray[np.uint16]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(h, w, 2) px, NaN where it isn't known, and (h, w) whether it is."""
    valid = stored[..., 2] == 1
    flow = (stored[..., :2].astype(np.float32) - np.float32(FLOW_ZERO)) / np.float32(FLOW_SCALE)
    flow[~valid] = np.nan
    return flow, valid


class DsecSequence:
    """One sequence; files are read when they are asked for."""

    def __init__(self, path: Path) -> None:
        """Look at its folder.

        Raises:
            DatasetError: it holds no sequence.

        """
        self.path, self.name = path, path.name
        need_folder(path, "a sequence of DSEC")
        need_file(path / "events/left/events.h5", "the left camera's events")

    def events(self, side: Side, begin_us: int | None = None, end_us: int | None = None) -> Events:
        """Events with begin <= t < end in us, absolute; all without bounds.

        Raises:
            DatasetError: the file or one of its fields is missing or damaged.

        """
        path = self.path / f"events/{side}/events.h5"
        with open_hdf5(path, f"the {side} camera's events") as file:
            columns = [need_dataset(file, f"events/{name}", 1) for name in ("t", "x", "y", "p")]
            lengths = {len(column) for column in columns}
            if len(lengths) != 1:
                raise DatasetError(f"{path}: events/t, x, y, p are of lengths {sorted(lengths)}")
            offset = int(need_dataset(file, "t_offset")[()])
            first, last = _bounds(file, columns[0], offset, begin_us, end_us)
            t, x, y, p = (column[first:last] for column in columns)
        width, height = self.size(side)
        if len(x) and (int(x.max()) >= width or int(y.max()) >= height):
            raise DatasetError(
                f"{path}: has events beyond {width}x{height}, the size of rectify_map.h5"
            )
        return Events(
            t.astype(np.int64) + offset,
            x.astype(np.uint16),
            y.astype(np.uint16),
            (p > 0).astype(np.uint8),
            width,
            height,
        )

    def size(self, side: Side) -> tuple[int, int]:
        """Width and height, from the rectification."""
        height, width = self.rectify_map(side).shape[:2]
        return width, height

    def rectify_map(self, side: Side) -> NDArray[np.float32]:
        """(h, w, 2), column and row of each pixel after rectification."""
        if side in self._maps:
            return self._maps[side]
        path = self.path / f"events/{side}/rectify_map.h5"
        with open_hdf5(path, f"the {side} camera's rectification") as file:
            table: NDArray[np.float32] = need_dataset(file, "rectify_map", 3)[()].astype("f4")
        if table.shape[2] != 2:
            raise DatasetError(f"{path}: 'rectify_map' must be (h, w, 2), not {table.shape}")
        self._maps[side] = table
        return table

    @cached_property
    def _maps(self) -> dict[Side, NDArray[np.float32]]:
        return {}

    @cached_property
    def disparities(self) -> list[tuple[int, Path]]:
        """Time in us and file of each disparity map, in order."""
        times = read_numbers(self.path / "disparity/timestamps.txt", 1, "times of disparity, us")
        files = _pictures(self.path / "disparity/event", "maps of disparity")
        return list(zip(times.tolist(), _matched(files, len(times), "timestamps.txt"), strict=True))

    def disparity(self, index: int) -> NDArray[np.float32]:
        """(h, w) px of the left event camera, NaN where unknown."""
        stored = read_picture(self.disparities[index][1], np.uint16, 1, "disparity")
        pixels = stored.astype(np.float32) / np.float32(DISPARITY_SCALE)
        pixels[stored == 0] = np.nan
        return pixels

    def flows(self, way: Way = "forward") -> list[Interval]:
        """Fields of optical flow, in order."""
        path = self.path / f"flow/{way}_timestamps.txt"
        times = read_numbers(path, 2, "from and to, us")
        files = _pictures(self.path / f"flow/{way}", "fields of optical flow")
        matched = _matched(files, len(times), path.name)
        return [Interval(f, *row) for f, row in zip(matched, times.tolist(), strict=True)]

    def flow(self, interval: Interval) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(h, w, 2) px from begin to end, NaN where unknown, and (h, w) whether it is known."""
        return decode_flow(read_picture(interval.path, np.uint16, 3, "optical flow"))

    @cached_property
    def frame_times(self) -> NDArray[np.int64]:
        """(n,) us, of the frames."""
        return read_numbers(self.path / "images/timestamps.txt", 1, "times of frames, us")

    def frames(self, side: Side) -> list[Path]:
        """Files of the rectified frames, as many as `frame_times`."""
        files = _pictures(self.path / f"images/{side}/rectified", "frames")
        return _matched(files, len(self.frame_times), "images/timestamps.txt")

    def boxes(self, side: Side = "left") -> NDArray[Any]:
        """Records of `TRACKS`, by time."""
        path = self.path / f"object_detections/{side}/tracks.npy"
        need_file(path, "boxes")
        try:
            found = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path}: can't be read as NPY: {error}") from error
        need_fields(found, TRACKS.names or (), path)
        return np.sort(found, order="t", kind="stable")

    @cached_property
    def calibration(self) -> dict[str, Any]:
        """Content of cam_to_cam.yaml."""
        path = need_file(self.path / "calibration/cam_to_cam.yaml", "the calibration")
        try:
            content = yaml.safe_load(read_text(path))
        except yaml.YAMLError as error:
            raise DatasetError(f"{path}: can't be read as YAML: {error}") from error
        for field in ("intrinsics", "extrinsics", "disparity_to_depth"):
            if not isinstance(content, dict) or field not in content:
                raise DatasetError(f"{path}: lacks '{field}'")
        assert isinstance(content, dict)
        return content

    @property
    def focal_and_baseline(self) -> tuple[float, float]:
        """Focal length, px, and baseline, m, of the rectified event cameras, from `cams_03`."""
        path = self.path / "calibration/cam_to_cam.yaml"
        try:
            table = np.array(self.calibration["disparity_to_depth"]["cams_03"], float)
            focal, inverse = float(table[2, 3]), float(table[3, 2])
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise DatasetError(
                f"{path}: 'disparity_to_depth/cams_03' must be a 4 x 4 matrix"
            ) from error
        if inverse == 0.0:
            raise DatasetError(f"{path}: 'disparity_to_depth/cams_03' has no baseline")
        return focal, 1.0 / abs(inverse)


def sequences(path: Path) -> list[DsecSequence]:
    """The sequences below a folder, or the one that it is.

    Raises:
        DatasetError: there is none.

    """
    need_folder(path, "DSEC")
    found = sorted(file.parents[2] for file in path.rglob("events/left/events.h5"))
    if not found:
        raise DatasetError(f"{path}: holds no folder with events/left/events.h5, as DSEC does")
    return [DsecSequence(folder) for folder in found]


def _bounds(
    file: h5py.File, t: h5py.Dataset, offset: int, begin_us: int | None, end_us: int | None
) -> tuple[int, int]:
    """First event and one behind the last; ms_to_idx tells near which they are."""
    index = need_dataset(file, "ms_to_idx", 1)
    ends = []
    for bound, default in ((begin_us, 0), (end_us, len(t))):
        if bound is None:
            ends.append(default)
            continue
        local = bound - offset
        ms = local // 1000
        low = 0 if ms < 0 else int(index[ms]) if ms < len(index) else len(t)
        high = 0 if ms < -1 else int(index[ms + 1]) if ms + 1 < len(index) else len(t)
        low = min(low, high)
        ends.append(low + int(np.searchsorted(t[low:high].astype(np.int64), local)))
    return ends[0], max(ends)


def _pictures(folder: Path, what: str) -> list[Path]:
    return sorted(need_folder(folder, what).glob("*.png"))


def _matched(files: list[Path], count: int, name: str) -> list[Path]:
    if len(files) != count:
        where = files[0].parent if files else "the folder"
        raise DatasetError(f"{where}: {len(files)} pictures, but {name} has {count} times")
    return files
