"""A drive along a route: small pictures and where each was taken, from a folder or a bag.

A folder holds pictures whose sorted names are the order of driving, and may hold `poses.csv` with
the columns file, x, y, heading (m, m, rad; frame `map`). A bag holds pictures or events, and may
hold odometry; with it a place is taken every so many metres, else every so many seconds.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from spikeloop.bags.bag import Bag, BagTopic
from spikeloop.events.codecs import PacketDecoder
from spikeloop.events.recording import EVENT_PACKET, FIELDS, RecordingError
from spikeloop.parameters import suggestion
from spikeloop.perception.place.event_window import EventWindow
from spikeloop.perception.place.pictures import PictureConfig, Small, small_picture
from spikeloop.rotation import yaw_of

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".pgm", ".ppm", ".tif", ".tiff")
POSES = "poses.csv"
BAGS = (".bag", ".db3", ".mcap", ".zstd")
ODOMETRY = "nav_msgs/msg/Odometry"
IMAGE, PACKED_IMAGE = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
CHANNELS = {"mono8": 1, "8UC1": 1, "rgb8": 3, "bgr8": 3, "8UC3": 3, "rgba8": 4, "bgra8": 4}


class DriveError(ValueError):
    """A drive can't be read; the message names the file and what would mend it."""


@dataclass(frozen=True)
class Drive:
    """Pictures in the order of driving.

    Attributes:
        pictures: (n, side, side) float32, small pictures.
        poses: (n, 3) x m, y m, heading rad; where nothing says, place n is at x = n.
        source: "image" or "events".

    """

    pictures: Small
    poses: NDArray[np.float64]
    source: str = "image"


@dataclass(frozen=True)
class Sampling:
    """How places are taken from a bag.

    Attributes:
        topic: of pictures or events; empty where the bag has one of them only.
        spacing: m between places, where the bag has odometry.
        period: s between places, where it has none.
        window: s of events that make a picture (LENS: 250 ms).

    """

    topic: str = ""
    spacing: float = 2.0
    period: float = 1.0
    window: float = 0.25


def load_drive(path: Path, config: PictureConfig, sampling: Sampling | None = None) -> Drive:
    """Read a folder of pictures, or a bag.

    Raises:
        DriveError: nothing is there, nothing in it is a picture, or one is damaged.

    """
    if path.is_dir() and any(file.suffix.lower() in SUFFIXES for file in path.iterdir()):
        return _from_folder(path, config)
    if path.is_dir() and not any(file.suffix in BAGS for file in path.iterdir()):
        raise DriveError(
            f"{path}: holds neither pictures ({', '.join(SUFFIXES)}) nor a recording "
            f"({', '.join(BAGS)})"
        )
    if not path.exists():
        raise DriveError(f"{path}: no such file or folder")
    return _from_bag(path, config, sampling or Sampling())


# --- folders ---------------------------------------------------------------------------------


def _from_folder(path: Path, config: PictureConfig) -> Drive:
    files = sorted(
        (file for file in path.iterdir() if file.suffix.lower() in SUFFIXES), key=_natural
    )
    pictures = []
    for file in files:
        try:
            with Image.open(file) as image:
                plain = image.convert("L" if image.mode in ("1", "L", "LA", "I;16") else "RGB")
                pictures.append(small_picture(np.asarray(plain), config))
        except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
            raise DriveError(f"{file}: can't be read as a picture: {error}") from error
    return Drive(np.array(pictures), _poses(path / POSES, files))


def _natural(file: Path) -> list[tuple[int, str]]:
    """Sorts 9.png before 10.png."""
    return [
        (int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", file.name)
    ]


def _poses(path: Path, files: list[Path]) -> NDArray[np.float64]:
    if not path.exists():
        return np.array([[float(n), 0.0, 0.0] for n in range(len(files))])
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


# --- bags ------------------------------------------------------------------------------------


class _Sight(NamedTuple):
    """A picture of a bag, before it is known whether it becomes a place."""

    time_s: float
    picture: NDArray[np.generic]
    pose: tuple[float, float, float] | None


def timed_pictures(path: Path, sampling: Sampling) -> Iterator[tuple[float, NDArray[np.generic]]]:
    """Pictures of a bag as `sampling.topic` says, with the times of their stamps, s.

    Raises:
        DriveError: the bag can't be read, or has no such pictures.

    """
    try:
        bag = Bag(path)
        for sight in _sights(bag, _topic_of(bag, sampling.topic), sampling):
            yield sight.time_s, sight.picture
    except RecordingError as error:
        raise DriveError(str(error)) from error


def _from_bag(path: Path, config: PictureConfig, sampling: Sampling) -> Drive:
    try:
        bag = Bag(path)
        topic = _topic_of(bag, sampling.topic)
        has_poses = any(known.kind == ODOMETRY for known in bag.topics)
        small: list[Small] = []
        poses: list[tuple[float, float, float]] = []
        last: _Sight | None = None
        for sight in _sights(bag, topic, sampling):
            if has_poses and sight.pose is None:
                continue
            if last is not None and not _is_next(last, sight, sampling):
                continue
            last = sight
            small.append(small_picture(sight.picture, config))
            poses.append(sight.pose or (float(len(poses)), 0.0, 0.0))
    except RecordingError as error:
        raise DriveError(str(error)) from error
    if not small:
        raise DriveError(f"{path}: no picture on {topic.name} that has a position")
    source = "events" if topic.kind == EVENT_PACKET else "image"
    return Drive(np.array(small), np.array(poses), source)


def _is_next(last: _Sight, sight: _Sight, sampling: Sampling) -> bool:
    if last.pose is None or sight.pose is None:
        return sight.time_s - last.time_s >= sampling.period - 1e-9
    way = math.hypot(sight.pose[0] - last.pose[0], sight.pose[1] - last.pose[1])
    return way >= sampling.spacing


def _topic_of(bag: Bag, name: str) -> BagTopic:
    usable = [t for t in bag.topics if t.kind in (IMAGE, PACKED_IMAGE, EVENT_PACKET)]
    names = [topic.name for topic in usable]
    if name:
        # Recordings name topics in full, people mostly leave the first stroke out.
        name = f"/{name}" if name not in names and f"/{name}" in names else name
        if name not in names:
            raise DriveError(
                f"{bag.path}: no pictures or events on '{name}'{suggestion(name, names)}; "
                f"there are: {', '.join(names) or 'none'}"
            )
        return usable[names.index(name)]
    if len(usable) != 1:
        raise DriveError(
            f"{bag.path}: "
            + (f"choose a topic of {', '.join(names)}" if usable else "no pictures or events in it")
        )
    return usable[0]


def _sights(bag: Bag, topic: BagTopic, sampling: Sampling) -> Iterator[_Sight]:
    store: Any = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
    kinds = {known.name: known.kind for known in bag.topics}
    window, decoder = EventWindow(sampling.window), PacketDecoder()
    pose: tuple[float, float, float] | None = None
    for stored in bag.messages():
        kind = kinds[stored.topic]
        if kind != ODOMETRY and stored.topic != topic.name:
            continue
        message = store.deserialize_cdr(stored.data, kind)
        if kind == ODOMETRY:
            pose = _pose(message)
            continue
        time_s = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        if kind == EVENT_PACKET:
            events, _ = decoder.decode(
                message.encoding, message.width, message.height, message.seq,
                np.asarray(message.events, np.uint8).tobytes(), time_base=message.time_base,
            )  # fmt: skip
            window.add(events)
            picture = window.picture() if window.is_full else None
            if picture is not None:
                yield _Sight(time_s, picture, pose)
        else:
            yield _Sight(time_s, _decoded(bag.path, topic.name, kind, message), pose)


def _pose(message: Any) -> tuple[float, float, float]:
    position, turn = message.pose.pose.position, message.pose.pose.orientation
    return position.x, position.y, yaw_of(turn.x, turn.y, turn.z, turn.w)


def _decoded(path: Path, topic: str, kind: str, message: Any) -> NDArray[np.uint8]:
    if kind == PACKED_IMAGE:
        try:
            with Image.open(io.BytesIO(bytes(message.data))) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, UnidentifiedImageError, SyntaxError) as error:
            raise DriveError(f"{path}: a picture on {topic} is damaged: {error}") from error
    channels = CHANNELS.get(message.encoding)
    if channels is None:
        raise DriveError(
            f"{path}: pictures on {topic} have the encoding '{message.encoding}'; "
            f"known are {', '.join(CHANNELS)}"
        )
    data = np.asarray(message.data, np.uint8)
    if data.size != message.height * message.step or message.step < message.width * channels:
        raise DriveError(f"{path}: a picture on {topic} has {data.size} bytes: wrong for its size")
    rows = data.reshape(message.height, message.step)[:, : message.width * channels]
    pixels = rows.reshape(message.height, message.width, channels)
    if channels == 1:
        return pixels[..., 0]
    return pixels[..., 2::-1] if message.encoding.startswith("bgr") else pixels[..., :3]
