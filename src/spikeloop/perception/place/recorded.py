"""Recorded drives of one route as a trial: published data sets, or folders and bags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop.datasets.nordland import nordland
from spikeloop.datasets.recognising import recognise
from spikeloop.datasets.source import DatasetError, need_folder
from spikeloop.parameters import suggestion
from spikeloop.perception.place.aligning import aligned, check_alike, metres_between
from spikeloop.perception.place.drive import Drive, DriveError, Sampling, load_drive
from spikeloop.perception.place.evaluation import Trial
from spikeloop.perception.place.pictures import PictureConfig, small_picture
from spikeloop.perception.place.published_drives import LOADERS, OPTIONS, WITHIN_M
from spikeloop.perception.place.scoring import places_away, steps_away

Told = Callable[[float], object]
USUAL: dict[str, object] = {"every": 1, "within": None, **asdict(Sampling())}
"""Options of recorded drives, as they are where they aren't given."""
_USED = OPTIONS | {
    "nordland": ("every",),
    "": ("within", "topic", "odometry", "spacing", "period", "window"),
}
"""Those that do something, by kind of data set; empty for folders and bags."""


@dataclass(frozen=True)
class Choice:
    """Which drives are used, and how.

    Attributes:
        references: names of drives (folders, bags, seasons, traverses); at least one.
        queries: the same.
        every: Nordland: each so-manieth picture is a place.
        sampling: elsewhere than in Nordland: metres between places, and the topic of bags.
        within: m from a query within which a place is right; None for what is usual.

    """

    references: Sequence[str]
    queries: Sequence[str]
    every: int
    sampling: Sampling
    within: float | None = None


def recorded_trial(
    path: Path, choice: Choice, config: PictureConfig, progress: Told = lambda drives: None
) -> Trial:
    """Read drives; the first reference says which places there are.

    A place is right for a query within `choice.within` of where it was taken, and so is the
    nearest one; a query farther from all places than that, and than `choice.sampling.spacing`, is
    left out. Where nothing tells positions picture n shows place n, in Nordland the one of the
    same name.

    Args:
        path: folder of the data set, or of folders and bags.
        choice: of drives.
        config: of small pictures.
        progress: told of each drive that has been read.

    Raises:
        DriveError, DatasetError: drives are missing, damaged, or not of the same route, or
            something is chosen that this data has no use for.

    """
    if not choice.references or not choice.queries:
        raise DriveError("--data needs --reference and --query: names of drives in it")
    kind = kind_of(path)
    _check_use(path, kind, choice)
    if kind == "nordland":
        return _nordland(path, choice, config, progress)
    load = LOADERS.get(kind, _folder_or_bag)

    def told(name: str) -> Drive:
        drive = load(path, name, choice.sampling, config)
        progress(1.0)
        return drive

    return _driven(path, choice, within_of(kind, choice), told)


def _check_use(path: Path, kind: str, choice: Choice) -> None:
    given = {"every": choice.every, "within": choice.within, **asdict(choice.sampling)}
    for option, value in given.items():
        if value != USUAL[option] and option not in _USED[kind]:
            what = f"a data set in the layout of {kind}" if kind else "folders and bags"
            raise DriveError(f"{path}: --{option} does nothing for {what}; leave it out")


def kind_of(path: Path) -> str:
    """The published data set for place recognition that lies there; empty for folders and bags.

    Raises:
        DatasetError: no such folder.

    """
    need_folder(path, "drives")
    try:
        kind = recognise(path)
    except DatasetError:
        return ""
    # One of other tasks may lie beside bags of one's own.
    return kind if kind in _USED else ""


def within_of(kind: str, choice: Choice) -> float:
    """How far from a query a place is right, m: as chosen, else as is usual for the data set."""
    return WITHIN_M.get(kind, 0.0) if choice.within is None else choice.within


def _nordland(path: Path, choice: Choice, config: PictureConfig, progress: Told) -> Trial:
    places = nordland(path, (*choice.references, *choice.queries), choice.every)
    count = range(len(places.names))

    def seen(season: str) -> NDArray[np.float32]:
        small = np.stack([small_picture(places.picture(season, place), config) for place in count])
        progress(1.0)
        return small

    references = np.stack([seen(season) for season in choice.references])
    same = places_away(np.arange(len(count)), len(count))
    queries = {season: seen(season) for season in choice.queries}
    return Trial(path.name, references, queries, dict.fromkeys(queries, same))


def _driven(path: Path, choice: Choice, within: float, load: Callable[[str], Drive]) -> Trial:
    spacing = choice.sampling.spacing
    drives = [load(name) for name in choice.references]
    first, first_name = drives[0], choice.references[0]
    references, poses = aligned(drives, choice.references, spacing)
    steps = np.linalg.norm(np.diff(poses[:, :2], axis=0), axis=1)
    step = max(float(np.median(steps)), 1e-3) if len(steps) else spacing
    queries, away = {}, {}
    for name in choice.queries:
        drive = load(name)
        check_alike(first, first_name, drive, name)
        if not first.placed:
            if choice.within is not None:
                raise DriveError(f"{name}: nothing tells what is within metres of its pictures")
            queries[name], away[name] = drive.pictures, _in_order(drive, len(poses), name)
            continue
        way = metres_between(drive.poses, poses)
        near = way.min(1) <= max(spacing, within)
        if not near.any():
            raise DriveError(
                f"{path / name}: no picture within {max(spacing, within):g} m of a place of "
                f"{first_name}; were both drives along the same route?"
            )
        queries[name], away[name] = drive.pictures[near], steps_away(way[near], step, within)
    return Trial(path.name, references, queries, away)


def _in_order(drive: Drive, places: int, name: str) -> NDArray[np.float32]:
    count = len(drive.pictures)
    if count > places:
        raise DriveError(
            f"{name}: {count} pictures for {places} places, and nothing tells where they were taken"
        )
    return places_away(np.arange(count), places)


def _folder_or_bag(path: Path, name: str, sampling: Sampling, config: PictureConfig) -> Drive:
    if not (path / name).exists():
        there = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith("."))
        raise DriveError(
            f"{path}: no drive '{name}'{suggestion(name, there)}; "
            f"there are: {', '.join(there) or 'none'}"
        )
    return load_drive(path / name, config, sampling)
