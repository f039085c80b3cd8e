"""Which data set lies in a folder."""

from __future__ import annotations

from pathlib import Path

from spikeloop.datasets.nordland import SEASONS, SUFFIXES
from spikeloop.datasets.source import DatasetError, need_folder
from spikeloop.datasets.st_lucia import TRACKS

SIGNS = {
    "dsec": "events/left/events.h5",
    "mvsec": "*_data.hdf5",
    "prophesee": "*_td.dat",
    "robotcar": "stereo.timestamps",
    "brisbane_event": "*-*_concat.nmea",
}
"""By which file, anywhere below the folder, a data set is known."""
POSES = "poses.csv"
"""What a user's own drive may hold and Nordland never does."""


def recognise(path: Path) -> str:
    """The name of the data set that `--data PATH` means.

    Returns:
        dsec, mvsec, prophesee, robotcar, brisbane_event, st_lucia or nordland.

    Raises:
        DatasetError: nothing is there that is known.

    """
    need_folder(path, "a data set")
    if sum(_is_season(path / season) for season in SEASONS) >= 2:
        return "nordland"
    for name, sign in SIGNS.items():
        if next(path.rglob(sign), None) is not None:
            return name
    if any(next(path.rglob(name), None) for name in TRACKS) or next(path.rglob("@*@*@*"), None):
        return "st_lucia"
    raise DatasetError(
        f"{path}: holds no data set that is known; DSEC has events/left/events.h5, MVSEC "
        "NAME_data.hdf5, Gen1 and 1Mpx NAME_td.dat, RobotCar stereo.timestamps, Nordland pictures "
        f"({', '.join(SUFFIXES)}) directly in two or more of the folders {', '.join(SEASONS)} "
        f"without {POSES}, St Lucia {' or '.join(TRACKS)} or pictures called @EAST@NORTH@..., "
        "Brisbane-Event-VPR DATE-NAME_concat.nmea"
    )


def _is_season(folder: Path) -> bool:
    """Whether pictures lie directly in it, as in Nordland; own drives may be called winter too."""
    if not folder.is_dir() or (folder / POSES).exists():
        return False
    return any(file.suffix.lower() in SUFFIXES for file in folder.iterdir())
