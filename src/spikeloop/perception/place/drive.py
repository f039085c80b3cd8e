"""A drive along a route: small pictures and where each was taken, from a folder or a bag.

A folder holds pictures whose sorted names are the order of driving, and may hold `poses.csv` with
the columns file, x, y, heading (m, m, rad; frame `map`). A bag holds pictures or events, and may
hold odometry. Where positions are known a place is taken every so many metres; else each picture
of a folder is one, and of a bag one every so many seconds.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from spikeloop.datasets.positions import spaced
from spikeloop.datasets.recognising import POSES
from spikeloop.datasets.source import has_16_bits, natural_order
from spikeloop.parameters import parameter
from spikeloop.perception.place.pictures import PictureConfig, Small, small_picture

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".pgm", ".ppm", ".tif", ".tiff")
SOURCE_WORDS = {"image": "pictures", "events": "events"}
"""What drives and maps are made of, by `Drive.source`, in words."""
BAGS = (".bag", ".db3", ".mcap", ".zstd")


class DriveError(ValueError):
    """A drive can't be read; the message names the file and what would mend it."""


@dataclass(frozen=True)
class Drive:
    """Pictures in the order of driving.

    Attributes:
        pictures: (n, side, side) float32, small pictures.
        poses: (n, 3) x m, y m, heading rad; where nothing tells, picture n is at x = n.
        source: "image" or "events".
        placed: whether anything told the poses.

    """

    pictures: Small
    poses: NDArray[np.float64]
    source: str = "image"
    placed: bool = True


@dataclass(frozen=True)
class Sampling:
    """What is read of drives, and where places are taken."""

    topic: str = parameter("", "Pictures or events of a bag; empty where it has one of them only.")
    odometry: str = parameter("", "Odometry of a bag; empty where it has one topic of it only.")
    spacing: float = parameter(
        2.0, "Way between places, where positions are known.", unit="m", low=0.001
    )
    period: float = parameter(
        1.0, "Time between places of a bag without odometry.", unit="s", low=0.001
    )
    window: float = parameter(
        0.25, "Events of so long make a picture (LENS: 250 ms).", unit="s", low=0.001
    )
    shift: float = parameter(
        0.0, "Added to the times of the tracks of Brisbane-Event-VPR.", unit="s"
    )


def load_drive(path: Path, config: PictureConfig, sampling: Sampling | None = None) -> Drive:
    """Read a folder of pictures, or a bag.

    Raises:
        DriveError: nothing is there, nothing in it is a picture, or one is damaged.

    """
    from spikeloop.perception.place.drive_bag import drive_of_bag

    sampling = sampling or Sampling()
    if path.is_dir() and any(file.suffix.lower() in SUFFIXES for file in path.iterdir()):
        return _from_folder(path, config, sampling)
    if path.is_dir() and not any(file.suffix in BAGS for file in path.iterdir()):
        raise DriveError(
            f"{path}: holds neither pictures ({', '.join(SUFFIXES)}) nor a recording "
            f"({', '.join(BAGS)})"
        )
    if not path.exists():
        raise DriveError(f"{path}: no such file or folder")
    return drive_of_bag(path, config, sampling)


def _from_folder(path: Path, config: PictureConfig, sampling: Sampling) -> Drive:
    found = (file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    files = sorted(found, key=natural_order)
    placed = (path / POSES).exists()
    if placed:
        poses = _poses(path / POSES, files)
        chosen = spaced(poses[:, :2], sampling.spacing)
        files, poses = [files[index] for index in chosen], poses[chosen]
    else:
        poses = numbered(len(files))
    return Drive(np.array([_small(file, config) for file in files]), poses, "image", placed)


def numbered(count: int) -> NDArray[np.float64]:
    """Poses of pictures of which nothing tells any, (n, 3): picture n is at x = n."""
    return np.array([[float(n), 0.0, 0.0] for n in range(count)]).reshape(-1, 3)


def _small(file: Path, config: PictureConfig) -> Small:
    try:
        with Image.open(file) as image:
            return small_picture(plain_pixels(image), config)
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        raise DriveError(f"{file}: can't be read as a picture: {error}") from error


def plain_pixels(image: Image.Image) -> NDArray[np.generic]:
    """(h, w) or (h, w, 3) in the order red, green, blue; uint8 or uint16.

    Raises:
        ValueError: see `has_16_bits`.

    """
    if has_16_bits(image):
        return np.asarray(image).astype(np.uint16)
    return np.asarray(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))


def _poses(path: Path, files: list[Path]) -> NDArray[np.float64]:
    try:
        with path.open(newline="", encoding="utf-8") as text:
            rows = {
                row["file"]: (float(row["x"]), float(row["y"]), float(row["heading"]))
                for row in csv.DictReader(text)
            }
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DriveError(
            f"{path}: needs the columns file, x, y, heading (m, m, rad): {error}"
        ) from error
    missing = [file.name for file in files if file.name not in rows]
    if missing:
        raise DriveError(f"{path}: no pose of {missing[0]} and {len(missing) - 1} others")
    poses = np.array([rows[file.name] for file in files])
    if not np.isfinite(poses).all():
        raise DriveError(f"{path}: poses must be finite")
    return poses
