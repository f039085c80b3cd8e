"""Brisbane-Event-VPR: 8 km through Brisbane at six times of day, by a DAVIS346 in a car.

Fischer and Milford, "Event-based visual place recognition with ensembles of temporal windows",
RA-L 2020. Of each traverse, anywhere below one folder:

    dvs_vpr_2020-04-21-17-03-03.bag          events /dvs/events, frames /dvs/image_raw, stamps UTC
    20200421_170039-sunset1_concat.nmea      GPS: sentences RMC, 1 Hz
    dvs_vpr_2020-04-21-17-03-03/TIME.png     optional: frames, called by their time in s

Instead of the bag there may be another recording of that name, such as .zip or .hdf5. Times of the
track are UTC, those of the camera too; users shift them by a few seconds (`shift_s`).
"""

from __future__ import annotations

import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop.datasets.positions import local_metres
from spikeloop.datasets.source import DatasetError, need_folder, read_grey
from spikeloop.parameters import suggestion

RECORDINGS = {
    "sunset1": "dvs_vpr_2020-04-21-17-03-03",
    "sunset2": "dvs_vpr_2020-04-22-17-24-21",
    "daytime": "dvs_vpr_2020-04-24-15-12-03",
    "night": "dvs_vpr_2020-04-27-18-13-29",
    "morning": "dvs_vpr_2020-04-28-09-14-11",
    "sunrise": "dvs_vpr_2020-04-29-06-20-23",
}
"""Traverses, and what their recordings' names begin with."""
TOLERANCE_M = 70.0
"""So near two windows count as of one place, m: the paper's."""
ORIGIN = np.array([-27.4977, 153.0130])
"""Latitude and longitude, degrees, from which all positions are told, so that traverses agree."""
EVENTS_TOPIC, FRAMES_TOPIC = "/dvs/events", "/dvs/image_raw"
EVENT_SUFFIXES = (".bag", ".zip", ".txt", ".csv", ".hdf5", ".h5", ".aedat4", ".mcap", ".raw")
SUFFIXES = (".png", ".jpg", ".jpeg")


class BrisbaneTraverse:
    """One traverse; files are read when they are asked for."""

    def __init__(self, path: Path, name: str, shift_s: float = 0.0) -> None:
        """Take the folder of all, the traverse's name, and what is added to the track's times.

        Raises:
            DatasetError: unknown name, or its track isn't below the folder.

        """
        if name not in RECORDINGS:
            near = suggestion(name, RECORDINGS)
            raise DatasetError(
                f"unknown traverse '{name}'{near}; there are: {', '.join(RECORDINGS)}"
            )
        self.path, self.name, self._shift = need_folder(path, "Brisbane-Event-VPR"), name, shift_s
        found = sorted(path.rglob(f"*{name}*.nmea"))
        if not found:
            raise DatasetError(f"{path}: holds no track of {name} (DATE-{name}_concat.nmea)")
        self._track_file = found[0]

    @cached_property
    def recording(self) -> Path:
        """The file of its events, to be read by `spikeloop.events.files` or `spikeloop.bags`.

        Raises:
            DatasetError: there is none.

        """
        begin = RECORDINGS[self.name]
        found = [f for f in self.path.rglob(f"{begin}*") if f.suffix.lower() in EVENT_SUFFIXES]
        if not found:
            raise DatasetError(
                f"{self.path}: holds no events of {self.name} ({begin}.bag, or with one of "
                f"{', '.join(EVENT_SUFFIXES[1:])})"
            )
        return min(found, key=lambda file: (EVENT_SUFFIXES.index(file.suffix.lower()), file))

    @cached_property
    def track(self) -> NDArray[np.float64]:
        """(n, 3): s since 1970, m to the east and to the north of `ORIGIN`, in time's order.

        Raises:
            DatasetError: no sentence tells a place, or one is damaged.

        """
        rows = []
        # Receivers garble bytes of a log now and then; where that matters the checksum tells.
        text = self._track_file.read_text(encoding="ascii", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            try:
                row = _of_sentence(line)
            except (ValueError, IndexError) as error:
                raise DatasetError(f"{self._track_file}: line {number}: {error}") from error
            if row is not None:
                rows.append(row)
        if not rows:
            raise DatasetError(f"{self._track_file}: no sentence RMC tells a place")
        table = np.array(rows)
        table = table[np.argsort(table[:, 0], kind="stable")]
        return np.concatenate(
            [table[:, :1] + self._shift, local_metres(table[:, 1:], ORIGIN)], axis=1
        )

    def positions(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) m at times in s since 1970, NaN outside those of the track."""
        track, times = self.track, np.asarray(times_s, np.float64)
        out = np.full((len(times), 2), np.nan)
        inside = (times >= track[0, 0]) & (times <= track[-1, 0])
        for axis in (0, 1):
            out[inside, axis] = np.interp(times[inside], track[:, 0], track[:, 1 + axis])
        return out

    @property
    def has_frames(self) -> bool:
        """Whether there is a folder of frames, anywhere below that of all."""
        return self._frames_folder is not None

    @cached_property
    def frames(self) -> tuple[Path, ...]:
        """Its frames as files, if they were extracted, in time's order.

        Raises:
            DatasetError: there are none, or one isn't called by its time.

        """
        folder = self._frames_folder
        if folder is None:
            raise DatasetError(
                f"{self.path}: holds no folder {RECORDINGS[self.name]}, where the frames of "
                f"{self.name} should be"
            )
        files = [file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES]
        if not files:
            raise DatasetError(f"{folder}: holds no pictures ({', '.join(SUFFIXES)})")
        return tuple(sorted(files, key=_time_of))

    @cached_property
    def _frames_folder(self) -> Path | None:
        named = (path for path in self.path.rglob(RECORDINGS[self.name]) if path.is_dir())
        # A recording of ROS 2 is a folder too.
        return min((p for p in named if not (p / "metadata.yaml").exists()), default=None)

    @property
    def frame_times(self) -> NDArray[np.float64]:
        """(n,) s since 1970, of the frames."""
        return np.array([_time_of(file) for file in self.frames])

    def frame(self, index: int) -> NDArray[np.uint8]:
        """(h, w) grey. Raises DatasetError where it can't be read."""
        return read_grey(self.frames[index])


def traverses(path: Path) -> list[BrisbaneTraverse]:
    """The traverses of which there are tracks, in the order of `RECORDINGS`.

    Raises:
        DatasetError: there is none.

    """
    need_folder(path, "Brisbane-Event-VPR")
    found = [name for name in RECORDINGS if next(path.rglob(f"*{name}*.nmea"), None)]
    if not found:
        raise DatasetError(f"{path}: holds no track such as 20200421_170039-sunset1_concat.nmea")
    return [BrisbaneTraverse(path, name) for name in found]


def _time_of(file: Path) -> float:
    try:
        return float(file.stem)
    except ValueError as error:
        raise DatasetError(f"{file}: must be called by its time in s, such as 1.5.png") from error


def _of_sentence(line: str) -> tuple[float, float, float] | None:
    """Time, latitude, longitude of a sentence RMC that has a place; None of any other."""
    body, _, checksum = line.strip().partition("*")
    fields = body.split(",")
    if not body.startswith("$") or not fields[0].endswith("RMC"):
        return None
    if checksum and int(checksum[:2], 16) != _checksum(body[1:]):
        raise ValueError(f"the checksum {checksum[:2]} is wrong")
    if fields[2] != "A":
        return None
    when = datetime.datetime.strptime(fields[9] + fields[1][:4], "%d%m%y%H%M")
    seconds = when.replace(tzinfo=datetime.UTC).timestamp() + float(fields[1][4:])
    latitude = _degrees(fields[3], 2) * (-1.0 if fields[4] == "S" else 1.0)
    longitude = _degrees(fields[5], 3) * (-1.0 if fields[6] == "W" else 1.0)
    return seconds, latitude, longitude


def _degrees(text: str, digits: int) -> float:
    """Degrees and minutes in one number, ddmm.mmm."""
    return float(text[:digits]) + float(text[digits:]) / 60.0


def _checksum(text: str) -> int:
    total = 0
    for letter in text.encode():
        total ^= letter
    return total
