"""MVSEC: stereo events of a DAVIS346 pair with depth, poses and optical flow.

Layout after Zhu et al., The Multivehicle Stereo Event Camera Dataset, RA-L 2018, and its page
"download"; the flow after Zhu et al., EV-FlowNet, RSS 2018. For a sequence NAME:

    NAME_data.hdf5   davis/{left,right}/events (n, 4) float64: column, row, s, polarity +1 or -1
                     davis/{left,right}/image_raw (n, 260, 346) uint8, image_raw_ts (n,) s
    NAME_gt.hdf5     davis/{left,right}/depth_image_rect (n, h, w) float32 m, depth_image_rect_ts
                     davis/{left,right}/pose (n, 4, 4), pose_ts
                     davis/left/flow_dist (n, 2, h, w) px, flow_dist_ts
    NAME_gt_flow_dist.npz   x_flow_dist, y_flow_dist (n, h, w) px, timestamps (n,) s
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from spikeloop.datasets.source import (
    DatasetError,
    need_dataset,
    need_file,
    need_folder,
    open_hdf5,
)
from spikeloop.events.array import Events

Side = Literal["left", "right"]
WIDTH, HEIGHT = 346, 260
DATA, TRUTH, FLOW = "_data.hdf5", "_gt.hdf5", "_gt_flow_dist.npz"


class MvsecSequence:
    """One sequence; files are read when they are asked for. All times are absolute."""

    def __init__(self, data: Path) -> None:
        """Take the path of a NAME_data.hdf5.

        Raises:
            DatasetError: it isn't there, or is called otherwise.

        """
        if not data.name.endswith(DATA):
            raise DatasetError(f"{data}: must be called NAME{DATA}")
        need_file(data, "a sequence of MVSEC")
        self.path, self.name = data, data.name.removesuffix(DATA)

    def events(
        self, side: Side = "left", begin_us: int | None = None, end_us: int | None = None
    ) -> Events:
        """Events with begin <= t < end, us; all without bounds.

        Raises:
            DatasetError: the field is missing or of another form.

        """
        name = f"davis/{side}/events"
        with open_hdf5(self.path, "events") as file:
            table = need_dataset(file, name, 2)
            if table.shape[1] != 4:
                raise DatasetError(f"{self.path}: '{name}' must be (n, 4), not {table.shape}")
            first = 0 if begin_us is None else _first_at(table, begin_us)
            last = len(table) if end_us is None else _first_at(table, end_us)
            rows = table[first : max(first, last)]
        x, y = rows[:, 0], rows[:, 1]
        if len(rows) and not (
            x.min() >= 0 and x.max() < WIDTH and 0 <= y.min() <= y.max() < HEIGHT
        ):
            raise DatasetError(f"{self.path}: '{name}' has events beyond {WIDTH}x{HEIGHT}")
        return Events(
            np.round(1e6 * rows[:, 2]).astype(np.int64),
            x.astype(np.uint16),
            y.astype(np.uint16),
            (rows[:, 3] > 0).astype(np.uint8),
            WIDTH,
            HEIGHT,
        )

    def frame_times(self, side: Side = "left") -> NDArray[np.int64]:
        """(n,) us, of the frames."""
        with open_hdf5(self.path, "frames") as file:
            return _times(file, f"davis/{side}/image_raw_ts")

    def frame(self, index: int, side: Side = "left") -> NDArray[np.uint8]:
        """(h, w), a frame as the sensor gave it."""
        with open_hdf5(self.path, "frames") as file:
            return _entry(file, f"davis/{side}/image_raw", index, 3).astype(np.uint8)

    def depth_times(self, side: Side = "left") -> NDArray[np.int64]:
        """(n,) us, of the depth maps."""
        with self._truth() as file:
            return _times(file, f"davis/{side}/depth_image_rect_ts")

    def depth(self, index: int, side: Side = "left") -> NDArray[np.float32]:
        """(h, w) m of the rectified camera, NaN where unknown."""
        with self._truth() as file:
            depth = _entry(file, f"davis/{side}/depth_image_rect", index, 3)
        out: NDArray[np.float32] = np.where(depth > 0.0, depth, np.nan).astype(np.float32)
        return out

    def poses(self, side: Side = "left") -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Times (n,) us and poses (n, 4, 4) of the camera."""
        with self._truth() as file:
            times = _times(file, f"davis/{side}/pose_ts")
            poses = need_dataset(file, f"davis/{side}/pose", 3)
            if poses.shape != (len(times), 4, 4):
                raise DatasetError(
                    f"{file.filename}: 'davis/{side}/pose' must be ({len(times)}, 4, 4), "
                    f"not {poses.shape}"
                )
            return times, poses[()].astype(np.float64)

    def flow_times(self) -> NDArray[np.int64]:
        """(n,) us, of the fields of optical flow."""
        path = self._flow_file()
        if path is not None:
            with _npz(path) as arrays:
                return _microseconds(_array(arrays, "timestamps", path))
        with self._truth() as file:
            return _times(file, "davis/left/flow_dist_ts")

    def flow(self, index: int) -> NDArray[np.float32]:
        """(h, w, 2) px from one time of `flow_times` to the next, not rectified; NaN: unknown.

        The truth has exact zeros where it knows nothing.
        """
        path = self._flow_file()
        if path is not None:
            with _npz(path) as arrays:
                u, v = (_array(arrays, f"{axis}_flow_dist", path)[index] for axis in "xy")
        else:
            with self._truth() as file:
                u, v = _entry(file, "davis/left/flow_dist", index, 4)
        out = np.stack([u, v], axis=-1).astype(np.float32)
        out[(u == 0.0) & (v == 0.0)] = np.nan
        return out

    def _truth(self) -> h5py.File:
        path = self.path.with_name(self.name + TRUTH)
        return open_hdf5(path, f"the ground truth of {self.path.name}")

    def _flow_file(self) -> Path | None:
        path = self.path.with_name(self.name + FLOW)
        return path if path.exists() else None


def sequences(path: Path) -> list[MvsecSequence]:
    """The sequences below a folder.

    Raises:
        DatasetError: there is none.

    """
    found = sorted(need_folder(path, "MVSEC").rglob(f"*{DATA}"))
    if not found:
        raise DatasetError(f"{path}: holds no NAME{DATA}, as MVSEC does")
    return [MvsecSequence(file) for file in found]


def _first_at(table: h5py.Dataset, time_us: int) -> int:
    """First event at a time or later, by bisection in the file."""
    low, high = 0, len(table)
    while low < high:
        middle = (low + high) // 2
        if round(1e6 * float(table[middle, 2])) < time_us:
            low = middle + 1
        else:
            high = middle
    return low


def _times(file: h5py.File, name: str) -> NDArray[np.int64]:
    return _microseconds(need_dataset(file, name, 1)[()])


def _microseconds(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    out: NDArray[np.int64] = np.round(1e6 * np.asarray(seconds, np.float64)).astype(np.int64)
    return out


def _entry(file: h5py.File, name: str, index: int, dimensions: int) -> NDArray[np.float32]:
    table = need_dataset(file, name, dimensions)
    if not -len(table) <= index < len(table):
        raise DatasetError(f"{file.filename}: '{name}' has {len(table)} entries, none at {index}")
    entry: NDArray[np.float32] = table[index]
    return entry


def _npz(path: Path) -> np.lib.npyio.NpzFile:
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: can't be read as NPZ: {error}") from error
    if not isinstance(found, np.lib.npyio.NpzFile):
        raise DatasetError(f"{path}: holds one array, not those of an NPZ")
    return found


def _array(arrays: np.lib.npyio.NpzFile, name: str, path: Path) -> NDArray[np.float64]:
    if name not in arrays.files:
        raise DatasetError(f"{path}: lacks '{name}'; it holds {', '.join(arrays.files)}")
    found: NDArray[np.float64] = arrays[name]
    return found
