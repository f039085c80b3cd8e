"""Oxford RobotCar: one route through Oxford, driven many times over a year.

Layout after Maddern, Pascoe, Linegar and Newman, 1 Year, 1000 km: The Oxford RobotCar dataset, IJRR
2017, and its SDK. A traverse is a folder, such as 2014-12-09-13-21-02:

    stereo.timestamps           a line each: time in us, number of the chunk
    stereo/centre/TIME.png      8 bits of a Bayer mosaic, gbrg
    gps/ins.csv                 timestamp (us), northing, easting (m) and others, by name
"""

from __future__ import annotations

import csv
import importlib
import io
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop.datasets.source import (
    DatasetError,
    folders_by_name,
    need_file,
    need_folder,
    read_numbers,
    read_picture,
    read_text,
)

COLUMNS = ("timestamp", "northing", "easting")


class RobotCarTraverse:
    """One traverse; files are read when they are asked for."""

    def __init__(self, path: Path, camera: str = "stereo", lens: str = "centre") -> None:
        """Look at its folder.

        Raises:
            DatasetError: it holds no such camera.

        """
        self.path, self.name = path, path.name
        self._times_file = path / f"{camera}.timestamps"
        need_folder(path, "a traverse of RobotCar")
        self._pictures = need_folder(path / camera / lens, f"the pictures of {camera}/{lens}")

    @cached_property
    def times(self) -> NDArray[np.int64]:
        """(n,) us, of the pictures that are there, in order.

        Raises:
            DatasetError: the list is missing or damaged, or none of those that it names is there.

        """
        listed = read_numbers(self._times_file, 2, "time in us and chunk")[:, 0]
        # Chunks can be fetched one by one, so some of the pictures may be elsewhere.
        there = {path.stem for path in self._pictures.glob("*.png")}
        found = np.array([time for time in listed.tolist() if str(time) in there], np.int64)
        if not len(found):
            raise DatasetError(
                f"{self._pictures}: holds none of {self._times_file.name}'s pictures"
            )
        return found

    def picture(self, index: int) -> NDArray[np.uint8]:
        """(h, w) grey, of the mosaic's colours.

        Raises:
            DatasetError: it can't be read, or has more than one channel.

        """
        path = self._pictures / f"{self.times[index]}.png"
        mosaic = read_picture(path, np.uint8, 1, "a Bayer mosaic")
        cv2 = importlib.import_module("cv2")
        grey: NDArray[np.uint8] = cv2.cvtColor(mosaic, cv2.COLOR_BayerGBRG2GRAY)
        return grey

    @cached_property
    def positions(self) -> NDArray[np.float64]:
        """(n, 2) float64 m, northing and easting of each picture, NaN outside gps/ins.csv's times.

        Raises:
            DatasetError: gps/ins.csv is missing, isn't UTF-8, or lacks a column or lines.

        """
        track = self._track()
        out = np.full((len(self.times), 2), np.nan)
        inside = (self.times >= track[0, 0]) & (self.times <= track[-1, 0])
        for axis in (0, 1):
            # From the first time on, for microseconds since 1970 and metres in one float64.
            at = (self.times[inside] - track[0, 0]).astype(np.float64)
            out[inside, axis] = np.interp(at, track[:, 0] - track[0, 0], track[:, 1 + axis])
        return out

    def _track(self) -> NDArray[np.float64]:
        path = need_file(self.path / "gps/ins.csv", "the places")
        rows = csv.DictReader(io.StringIO(read_text(path), newline=""))
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise DatasetError(
                f"{path}: lacks the column '{missing[0]}'; it has "
                f"{', '.join(rows.fieldnames or ()) or 'none'}"
            )
        table = []
        for row in rows:
            try:
                table.append([float(row[name]) for name in COLUMNS])
            except (TypeError, ValueError) as error:
                raise DatasetError(f"{path}: line {rows.line_num}: {error}") from error
        if not table:
            raise DatasetError(f"{path}: has no lines")
        track = np.array(table)
        return track[np.argsort(track[:, 0], kind="stable")]


def traverse_folders(path: Path) -> dict[str, Path]:
    """The folders of traverses below a folder, by name.

    None is opened, so that one that is incomplete doesn't keep others from being read;
    `RobotCarTraverse` opens one. Folders of the same name are told by their paths below `path`.

    Raises:
        DatasetError: there is none.

    """
    found = [file.parent for file in need_folder(path, "RobotCar").rglob("stereo.timestamps")]
    if not found:
        raise DatasetError(f"{path}: holds no stereo.timestamps, as RobotCar does")
    return folders_by_name(path, found)
