"""Recorded drives of one route as a trial: Nordland, Oxford RobotCar, or folders and bags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop.datasets.nordland import SEASONS, nordland
from spikeloop.datasets.robotcar import RobotCarTraverse, traverses
from spikeloop.datasets.source import DatasetError
from spikeloop.parameters import suggestion
from spikeloop.perception.place.aligning import aligned
from spikeloop.perception.place.drive import Drive, DriveError, Sampling, load_drive
from spikeloop.perception.place.evaluation import Trial
from spikeloop.perception.place.pictures import PictureConfig, small_picture


@dataclass(frozen=True)
class Choice:
    """Which drives are used, and how.

    Attributes:
        references: names of drives (folders, bags, seasons, traverses); at least one.
        queries: the same.
        every: Nordland: each so-manieth picture is a place.
        sampling: elsewhere: metres between places, and the topic of bags.

    """

    references: Sequence[str]
    queries: Sequence[str]
    every: int
    sampling: Sampling


def recorded_trial(path: Path, choice: Choice, config: PictureConfig) -> Trial:
    """Read drives; the first reference says which places there are.

    A query's truth is the nearest place by position; a picture farther than `sampling.spacing`
    from all places is left out. Without positions picture n shows place n.

    Raises:
        DriveError, DatasetError: drives are missing, damaged, or not of the same route.

    """
    if not choice.references or not choice.queries:
        raise DriveError("--data needs --reference and --query: names of drives in it")
    if not path.is_dir():
        raise DriveError(f"{path}: no such folder")
    if sum((path / season).is_dir() for season in SEASONS) >= 2:
        return _nordland(path, choice, config)
    if next(path.rglob("stereo.timestamps"), None) is not None:
        known = {drive.name: drive for drive in traverses(path)}
        return _driven(path, choice, lambda name: _traverse(path, known, name, choice, config))
    return _driven(path, choice, lambda name: _folder_or_bag(path, name, choice, config))


def _nordland(path: Path, choice: Choice, config: PictureConfig) -> Trial:
    places = nordland(path, (*choice.references, *choice.queries), choice.every)
    count = range(len(places.names))

    def seen(season: str) -> NDArray[np.float32]:
        return np.stack([small_picture(places.picture(season, place), config) for place in count])

    return Trial(
        f"{path.name}",
        np.stack([seen(season) for season in choice.references]),
        {season: seen(season) for season in choice.queries},
        {season: np.arange(len(count)) for season in choice.queries},
    )


def _driven(path: Path, choice: Choice, load: Callable[[str], Drive]) -> Trial:
    drives = [load(name) for name in choice.references]
    references, poses = aligned(drives, choice.references, choice.sampling.spacing)
    queries, truth = {}, {}
    for name in choice.queries:
        drive = load(name)
        way = np.linalg.norm(drive.poses[:, None, :2] - poses[None, :, :2], axis=2)
        near = way.min(1) <= choice.sampling.spacing
        if not near.any():
            raise DriveError(
                f"{path / name}: no picture within {choice.sampling.spacing:g} m of a place of "
                f"{choice.references[0]}; were both drives along the same route?"
            )
        queries[name], truth[name] = drive.pictures[near], way[near].argmin(1)
    return Trial(path.name, references, queries, truth)


def _traverse(
    path: Path, known: dict[str, RobotCarTraverse], name: str, choice: Choice, config: PictureConfig
) -> Drive:
    if name not in known:
        raise DatasetError(
            f"{path}: no traverse '{name}'{suggestion(name, known)}; "
            f"there are: {', '.join(sorted(known))}"
        )
    drive = known[name]
    chosen = drive.every(choice.sampling.spacing)
    pictures = np.stack([small_picture(drive.picture(int(n)), config) for n in chosen])
    poses = np.zeros((len(chosen), 3))
    poses[:, :2] = drive.positions[chosen]
    return Drive(pictures, poses)


def _folder_or_bag(path: Path, name: str, choice: Choice, config: PictureConfig) -> Drive:
    if not (path / name).exists():
        there = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith("."))
        raise DriveError(
            f"{path}: no drive '{name}'{suggestion(name, there)}; "
            f"there are: {', '.join(there) or 'none'}"
        )
    return load_drive(path / name, config, choice.sampling)
