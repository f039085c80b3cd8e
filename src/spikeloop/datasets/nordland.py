"""Nordland: one railway line in four seasons, frame by frame at the same places.

Made from the film of NRK (Sünderhauf, Neubert and Protzel, Are we there yet? Challenging SeqSLAM
on a 3000 km journey across all four seasons, 2013). Folders as place recognition uses them:

    {spring,summer,fall,winter}/NAME     pictures; one name is one place
    nordland_imageNames.txt              optional: the names to be used, a line each (without
                                         tunnels and stations), here or in dataset_imagenames/

Without the list all names are used that all chosen seasons have, in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop.datasets.source import (
    DatasetError,
    natural_order,
    need_folder,
    read_grey,
    read_text,
)
from spikeloop.parameters import suggestion

SEASONS = ("spring", "summer", "fall", "winter")
SUFFIXES = (".png", ".jpg", ".jpeg")
LISTS = (
    "nordland_imageNames.txt",
    "dataset_imagenames/nordland_imageNames.txt",
    "dataset_imageNames/nordland_imageNames.txt",
)


@dataclass(frozen=True)
class Nordland:
    """Places seen in some seasons.

    Attributes:
        path: folder of all.
        names: of the pictures, one a place, in the order of the way.

    """

    path: Path
    names: tuple[str, ...]

    def picture(self, season: str, place: int) -> NDArray[np.uint8]:
        """(h, w) grey, a place in a season.

        Raises:
            DatasetError: it is missing or can't be read.

        """
        return read_grey(self.path / season / self.names[place])


def nordland(
    path: Path, seasons: Sequence[str] = SEASONS, every: int = 1, most: int | None = None
) -> Nordland:
    """The places that all these seasons show.

    Args:
        path: folder of all.
        seasons: which are used.
        every: only each so-manieth place.
        most: at most so many, after that.

    Raises:
        DatasetError: a season is unknown or missing, they have no place in common, or the list of
            names can't be read.

    """
    if every < 1:
        raise DatasetError(f"every must be at least 1, not {every}")
    need_folder(path, "Nordland")
    common: set[str] | None = None
    for season in seasons:
        if season not in SEASONS:
            near = suggestion(season, SEASONS)
            raise DatasetError(f"unknown season '{season}'{near}; there are: {', '.join(SEASONS)}")
        folder = need_folder(path / season, f"the pictures of {season}")
        found = {p.name for p in folder.iterdir() if p.suffix.lower() in SUFFIXES}
        if not found:
            raise DatasetError(f"{folder}: holds no pictures ({', '.join(SUFFIXES)})")
        common = found if common is None else common & found
    listed = _listed(path)
    common = common or set()
    if listed is None:
        names = sorted(common, key=lambda name: natural_order(Path(name)))
    else:
        names = [name for name in listed if name in common]
    if not names:
        raise DatasetError(
            f"{path}: {', '.join(seasons)} have no picture of the same name"
            + ("" if listed is None else " that the list of names has")
        )
    return Nordland(path, tuple(names[::every][:most]))


def _listed(path: Path) -> list[str] | None:
    for name in LISTS:
        file = path / name
        if file.is_file():
            lines = [line.strip() for line in read_text(file).splitlines()]
            # Some lists have the season's folder before the name.
            return [Path(line).name for line in lines if line]
    return None
