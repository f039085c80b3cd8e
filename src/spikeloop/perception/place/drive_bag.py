"""A drive out of a bag: its pictures or events at places, by odometry or by time."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from spikeloop.bags.bag import Bag, BagTopic
from spikeloop.datasets.positions import Spacer
from spikeloop.events.array import Events
from spikeloop.events.codecs import PacketDecoder
from spikeloop.events.recording import EVENT_PACKET, FIELDS, RecordingError
from spikeloop.image_pixels import pixels_of
from spikeloop.parameters import suggestion
from spikeloop.perception.place.drive import Drive, DriveError, Sampling, numbered, plain_pixels
from spikeloop.perception.place.event_window import EventWindow
from spikeloop.perception.place.pictures import PictureConfig, Small, small_picture
from spikeloop.rotation import yaw_of

ODOMETRY = "nav_msgs/msg/Odometry"
IMAGE, PACKED_IMAGE = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
SEEN = (IMAGE, PACKED_IMAGE, EVENT_PACKET)

Pose = tuple[float, float, float]
Picture = NDArray[np.generic]
Wanted = Callable[[float, Pose | None], bool]
"""Whether a picture of this time, s, and pose is wanted; asked once of each, in their order."""


def drive_of_bag(path: Path, config: PictureConfig, sampling: Sampling) -> Drive:
    """A picture every so many metres of odometry, or every so many seconds without it.

    Raises:
        DriveError: it isn't clear which topic, the bag can't be read, or no picture has a pose.

    """
    small: list[Small] = []
    poses: list[Pose] = []
    spacer, last_s = Spacer(sampling.spacing), -math.inf

    def wanted(time_s: float, pose: Pose | None) -> bool:
        nonlocal last_s
        if placed:
            return pose is not None and spacer.takes(*pose[:2])
        # Seconds since 1970 have steps of 0.2 us.
        if time_s - last_s < sampling.period - 1e-6:
            return False
        last_s = time_s
        return True

    try:
        bag = Bag(path)
        seen, odometry = _seen(bag, sampling.topic), _odometry(bag, sampling.odometry)
        placed = odometry is not None
        for _, pose, picture in _pictures(bag, seen, odometry, sampling.window, wanted):
            small.append(_small(path, seen, picture, config))
            poses.append(pose or (0.0, 0.0, 0.0))
    except RecordingError as error:
        raise DriveError(str(error)) from error
    if not small:
        needed = "a position" if placed else f"{sampling.window:g} s of events before it"
        raise DriveError(f"{path}: no picture on {seen.name} that has {needed}")
    source = "events" if seen.kind == EVENT_PACKET else "image"
    at = np.array(poses) if placed else numbered(len(small))
    return Drive(np.array(small), at, source, placed)


def timed_pictures(
    path: Path, sampling: Sampling, wanted: Callable[[float], bool]
) -> Iterator[tuple[float, Picture]]:
    """Pictures of a bag with the times of their stamps, s, where they are wanted.

    Raises:
        DriveError: the bag can't be read, or it isn't clear which topic.

    """
    try:
        bag = Bag(path)
        seen = _seen(bag, sampling.topic)
        for time_s, _, picture in _pictures(
            bag, seen, None, sampling.window, lambda time_s, pose: wanted(time_s)
        ):
            yield time_s, picture
    except RecordingError as error:
        raise DriveError(str(error)) from error


# --- topics ----------------------------------------------------------------------------------


def _seen(bag: Bag, name: str) -> BagTopic:
    found = _chosen(bag, name, SEEN, "pictures or events", "--topic")
    if found is None:
        raise DriveError(f"{bag.path}: no pictures or events in it")
    return found


def _odometry(bag: Bag, name: str) -> BagTopic | None:
    return _chosen(bag, name, (ODOMETRY,), "odometry", "--odometry")


def _chosen(bag: Bag, name: str, kinds: tuple[str, ...], what: str, option: str) -> BagTopic | None:
    """The topic of that name, or the only one of these kinds; None where there is none."""
    usable = {topic.name: topic for topic in bag.topics if topic.kind in kinds}
    there = ", ".join(usable) or "none"
    if name:
        # Recordings name topics in full, people mostly leave the first stroke out.
        found = usable.get(name) or usable.get(f"/{name}")
        if found is None:
            near = suggestion(name, usable)
            raise DriveError(f"{bag.path}: no {what} on '{name}'{near}; there are: {there}")
        return found
    if len(usable) > 1:
        raise DriveError(f"{bag.path}: several topics of {what}; choose by {option} of: {there}")
    return next(iter(usable.values()), None)


# --- messages --------------------------------------------------------------------------------


def _pictures(
    bag: Bag, seen: BagTopic, odometry: BagTopic | None, window_s: float, wanted: Wanted
) -> Iterator[tuple[float, Pose | None, Picture]]:
    """Time, s, pose and picture where it is wanted; only then it is made."""
    store: Any = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
    window = EventWindow(window_s) if seen.kind == EVENT_PACKET else None
    decoder = PacketDecoder()
    pose: Pose | None = None
    picture: Picture | None
    for stored in bag.messages():
        try:
            if odometry is not None and stored.topic == odometry.name:
                # One that isn't finite tells nothing; the last one holds.
                pose = _pose(store.deserialize_cdr(stored.data, ODOMETRY)) or pose
            if stored.topic != seen.name:
                continue
            message = store.deserialize_cdr(stored.data, seen.kind)
            time_s = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
            if window is not None:
                window.add(_events(decoder, message))
                is_due = window.is_full and wanted(time_s, pose)
                picture = window.picture() if is_due else None
            else:
                picture = _pixels(seen.kind, message) if wanted(time_s, pose) else None
        except Exception as error:
            # CDR, codecs and Pillow each raise their own kinds for what is damaged.
            cause = str(error) or type(error).__name__
            raise DriveError(
                f"{bag.path}: a message on {stored.topic} can't be read: {cause}"
            ) from error
        if picture is not None:
            yield time_s, pose, picture


def _events(decoder: PacketDecoder, message: Any) -> Events:
    events, _ = decoder.decode(
        message.encoding, message.width, message.height, message.seq,
        np.asarray(message.events, np.uint8).tobytes(),
        big_endian=message.is_bigendian, time_base=message.time_base,
    )  # fmt: skip
    return events


def _pixels(kind: str, message: Any) -> Picture:
    if kind == IMAGE:
        return pixels_of(message)
    with Image.open(io.BytesIO(bytes(message.data))) as image:
        return plain_pixels(image)


def _pose(message: Any) -> Pose | None:
    position, turn = message.pose.pose.position, message.pose.pose.orientation
    pose = (position.x, position.y, yaw_of(turn.x, turn.y, turn.z, turn.w))
    return pose if all(math.isfinite(value) for value in pose) else None


def _small(path: Path, topic: BagTopic, picture: Picture, config: PictureConfig) -> Small:
    try:
        return small_picture(picture, config)
    except ValueError as error:
        raise DriveError(f"{path}: a picture on {topic.name}: {error}") from error
