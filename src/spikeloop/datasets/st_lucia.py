"""St Lucia: one suburban loop of Brisbane, driven at several times of day.

Two layouts are read. That of its makers (Glover, Maddern, Milford and Wyeth, FAB-MAP + RatSLAM:
Appearance-based SLAM for multiple times of day, ICRA 2010), a folder a traverse such as
100909_0845:

    pictures whose names, numbers as numbers, are in time's order (the frames of webcam_video.avi,
                                  extracted)
    fGPS.mat, or fGPS.txt         a row a frame: latitude, longitude (degrees); 0 0 where unknown

Some tracks have latitudes without their sign; all are read as south. Positions of all tracks are
told from one `ORIGIN`, so that those of two traverses can be compared.

The other is that of place recognition benchmarks, where the name of a picture tells where and when
it was taken, in fields between @: @utm_east@utm_north@zone@letter@latitude@longitude@frame@... (m),
in folders such as images/test/database (or gallery) and images/test/queries (Berton et al., Deep
visual geo-localization benchmark, CVPR 2022). Pictures are sorted by frame, without frames by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from spikeloop.datasets.positions import local_metres
from spikeloop.datasets.source import (
    DatasetError,
    folders_by_name,
    natural_order,
    need_folder,
    read_grey,
    read_text,
)

SUFFIXES = (".png", ".jpg", ".jpeg")
TRACKS = ("fGPS.mat", "fGPS.txt")
VIDEO = "webcam_video.avi"
BENCHMARK = ("database", "gallery", "queries")
FRAME = 7
"""Which field of a benchmark's name tells traverse and frame."""
ORIGIN = np.array([-27.5, 153.0])
"""Latitude and longitude, degrees, from which all tracks are told, so that traverses agree."""
TOLERANCE_M = 20.0
"""So near a picture counts as of a place, m; what its users say with 10 to 25 m."""


@dataclass(frozen=True)
class StLuciaTraverse:
    """One traverse; pictures are read when they are asked for.

    Attributes:
        path: its folder.
        files: pictures in the order of driving.
        positions: (n, 2) float64 m to the east and to the north, NaN where unknown; of a track
            from `ORIGIN`, of names as they say (UTM).

    """

    path: Path
    files: tuple[Path, ...]
    positions: NDArray[np.float64]

    def picture(self, index: int) -> NDArray[np.uint8]:
        """(h, w) grey. Raises DatasetError where it can't be read."""
        return read_grey(self.files[index])


def st_lucia(path: Path) -> StLuciaTraverse:
    """A traverse in either layout.

    Raises:
        DatasetError: no pictures, nothing tells where they were taken, or a track is damaged or
            of another number of pictures.

    """
    need_folder(path, "a traverse of St Lucia")
    found = (file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    files = tuple(sorted(found, key=lambda file: _order_below(path, file)))
    if not files:
        made = f"; take the frames out: ffmpeg -i {VIDEO} %06d.png"
        raise DatasetError(
            f"{path}: holds no pictures ({', '.join(SUFFIXES)})"
            + (made if (path / VIDEO).is_file() else "")
        )
    track = next((path / name for name in TRACKS if (path / name).is_file()), None)
    if track is not None:
        positions = _of_track(track)
        if len(positions) != len(files):
            raise DatasetError(
                f"{path}: {len(files)} pictures, but {track.name} has {len(positions)} rows"
            )
        return StLuciaTraverse(path, files, positions)
    if not all(file.name.startswith("@") for file in files):
        raise DatasetError(
            f"{path}: needs {' or '.join(TRACKS)}, or pictures called @EAST@NORTH@..., "
            f"not '{files[0].name}'"
        )
    files = tuple(sorted(files, key=_frame_of))
    return StLuciaTraverse(path, files, np.array([_of_name(file) for file in files]))


def traverse_folders(path: Path) -> dict[str, Path]:
    """The folders of traverses below a folder, by name: with tracks, or the two of a benchmark.

    None is opened, so that one that is incomplete doesn't keep others from being read; `st_lucia`
    opens one. Folders of the same name are told by their paths below `path`, such as test/queries.

    Raises:
        DatasetError: there is none.

    """
    need_folder(path, "St Lucia")
    folders = {file.parent for name in TRACKS for file in path.rglob(name)}
    folders = folders or {
        folder for name in BENCHMARK for folder in path.rglob(name) if folder.is_dir()
    }
    if not folders:
        raise DatasetError(
            f"{path}: holds neither {' nor '.join(TRACKS)} nor folders {' or '.join(BENCHMARK)}"
        )
    return folders_by_name(path, folders)


def _order_below(path: Path, file: Path) -> list[list[tuple[int, str]]]:
    """What sorts by folder, then by name, numbers as numbers."""
    return [natural_order(Path(part)) for part in file.relative_to(path).parts]


def _of_track(path: Path) -> NDArray[np.float64]:
    degrees = _of_matrix(path) if path.suffix == ".mat" else _of_text(path)
    degrees = np.where((degrees == 0.0).all(axis=1, keepdims=True), np.nan, degrees)
    if not np.isfinite(degrees).all(axis=1).any():
        raise DatasetError(f"{path}: no row has a place")
    # St Lucia lies in the south, whatever sign a track has.
    degrees[:, 0] = -np.abs(degrees[:, 0])
    return local_metres(degrees, ORIGIN)


def _of_matrix(path: Path) -> NDArray[np.float64]:
    try:
        table = np.asarray(loadmat(path)["fGPS"], np.float64)
    except (KeyError, ValueError, OSError, NotImplementedError, MatReadError) as error:
        raise DatasetError(f"{path}: can't be read as a matrix 'fGPS': {error}") from error
    if table.ndim != 2 or table.shape[1] < 2:
        raise DatasetError(f"{path}: 'fGPS' must be (n, 2), not {table.shape}")
    return table[:, :2]


def _of_text(path: Path) -> NDArray[np.float64]:
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        words = line.replace(",", " ").split()
        if not words:
            continue
        try:
            latitude, longitude = (float(word) for word in words[:2])
        except ValueError as error:
            raise DatasetError(
                f"{path}: line {number} must hold latitude and longitude, not '{line}'"
            ) from error
        rows.append((latitude, longitude))
    return np.array(rows, np.float64).reshape(-1, 2)


def _of_name(file: Path) -> tuple[float, float]:
    fields = file.name.split("@")
    try:
        return float(fields[1]), float(fields[2])
    except (IndexError, ValueError) as error:
        raise DatasetError(
            f"{file}: the name must begin with @EAST@NORTH@, numbers in m"
        ) from error


def _frame_of(file: Path) -> list[tuple[int, str]]:
    """What sorts by time: traverse and frame of the name if it has them, else the name."""
    fields = file.name.split("@")
    return natural_order(Path((fields[FRAME] if len(fields) > FRAME else "") or file.name))
