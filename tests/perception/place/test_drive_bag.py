"""Drives out of bags: places by odometry or time, of all kinds of pictures, told by topic."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from spikeloop.events.recording import EVENT_PACKET, FIELDS
from spikeloop.perception.place.drive import Drive, DriveError, Sampling, load_drive
from spikeloop.perception.place.pictures import PictureConfig, small_picture

CONFIG = PictureConfig(side=12, patch=5)
HEIGHT, WIDTH = 24, 32
Write = Callable[[str, str, float, Any], None]


def scene(place: int) -> np.ndarray:
    """(24, 32) uint8 of a place."""
    return np.random.default_rng((7, place)).integers(0, 256, (HEIGHT, WIDTH), np.uint8)


class Recorder:
    """Writes what a robot at 1 m/s records; picture n shows scene n."""

    def __init__(self, path: Path) -> None:
        self._store: Any = get_typestore(Stores.ROS2_JAZZY)
        self._bag = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
        self._topics: dict[str, Any] = {}

    def __enter__(self) -> Recorder:
        self._bag.open()
        return self

    def __exit__(self, *error: object) -> None:
        self._bag.close()

    def odometry(self, time_s: float, x: float, topic: str = "/odom") -> None:
        make = self._store.types
        pose = make["geometry_msgs/msg/Pose"](
            make["geometry_msgs/msg/Point"](x, 0.0, 0.0),
            make["geometry_msgs/msg/Quaternion"](0.0, 0.0, 0.0, 1.0),
        )
        zero = make["geometry_msgs/msg/Vector3"](0.0, 0.0, 0.0)
        twist = make["geometry_msgs/msg/Twist"](zero, zero)
        none = np.zeros(36)
        message = make["nav_msgs/msg/Odometry"](
            self._header(time_s), "base_link",
            make["geometry_msgs/msg/PoseWithCovariance"](pose, none),
            make["geometry_msgs/msg/TwistWithCovariance"](twist, none),
        )  # fmt: skip
        self._write(topic, time_s, message)

    def picture(self, time_s: float, place: int, encoding: str = "mono8") -> None:
        make = self._store.types
        if encoding == "png":
            data = io.BytesIO()
            Image.fromarray(scene(place)).save(data, "PNG")
            raw = np.frombuffer(data.getvalue(), np.uint8)
            packed = make["sensor_msgs/msg/CompressedImage"](self._header(time_s), "png", raw)
            self._write("/camera/compressed", time_s, packed)
            return
        wide = encoding == "mono16"
        pixels = scene(place).astype("<u2") * 257 if wide else scene(place)
        message = make["sensor_msgs/msg/Image"](
            self._header(time_s), HEIGHT, WIDTH, encoding, 0, WIDTH * pixels.itemsize,
            np.frombuffer(pixels.tobytes(), np.uint8),
        )  # fmt: skip
        self._write("/camera/image_raw", time_s, message)

    def _header(self, time_s: float) -> Any:
        make = self._store.types
        whole = int(time_s)
        stamp = make["builtin_interfaces/msg/Time"](whole, round(1e9 * (time_s - whole)))
        return make["std_msgs/msg/Header"](stamp, "camera")

    def _write(self, topic: str, time_s: float, message: Any) -> None:
        kind = message.__msgtype__
        if topic not in self._topics:
            self._topics[topic] = self._bag.add_connection(topic, kind, typestore=self._store)
        data = self._store.serialize_cdr(message, kind)
        self._bag.write(self._topics[topic], round(1e9 * time_s), data)


def expected(*places: int) -> np.ndarray:
    return np.array([small_picture(scene(place), CONFIG) for place in places])


@pytest.mark.parametrize("encoding", ["mono8", "mono16", "png"])
def test_a_place_is_taken_every_so_many_metres(tmp_path: Path, encoding: str) -> None:
    with Recorder(tmp_path / "bag") as bag:
        bag.picture(0.5, 99, encoding)  # before anything tells where
        for n in range(1, 13):
            bag.odometry(n, float("nan") if n == 1 else 0.5 * n)
            bag.picture(n + 0.1, n, encoding)
    drive = load_drive(tmp_path / "bag", CONFIG, Sampling(spacing=2.0))
    assert drive.poses[:, 0].tolist() == [1.0, 3.0, 5.0] and drive.placed
    np.testing.assert_allclose(drive.pictures, expected(2, 6, 10), atol=1e-5)


@pytest.mark.parametrize("begin_s", [0.0, 1_700_000_000.0])
def test_without_odometry_a_place_is_taken_every_so_many_seconds(
    tmp_path: Path, begin_s: float
) -> None:
    with Recorder(tmp_path / "bag") as bag:
        for n in range(10):
            bag.picture(begin_s + 0.1 * n, n)
    drive = load_drive(tmp_path / "bag", CONFIG, Sampling(period=0.3))
    assert drive.poses[:, 0].tolist() == [0.0, 1.0, 2.0, 3.0] and not drive.placed
    np.testing.assert_array_equal(drive.pictures, expected(0, 3, 6, 9))


def test_of_several_topics_one_must_be_chosen(tmp_path: Path) -> None:
    with Recorder(tmp_path / "bag") as bag:
        for n in range(6):
            bag.odometry(n, 2.0 * n)
            bag.odometry(n, 1000.0 - 2.0 * n, "/gps/odom")
            bag.picture(n + 0.1, n)
            bag.picture(n + 0.1, n, "png")

    def load(**options: Any) -> Drive:
        return load_drive(tmp_path / "bag", CONFIG, Sampling(**options))

    for options, words in (
        ({}, "several topics of pictures or events; choose by --topic of: /camera/image_raw, /cam"),
        ({"topic": "camera/image_raw"}, "several topics of odometry; choose by --odometry of: /o"),
        ({"topic": "camera/image_rav"}, r"no pictures or events on 'camera/image_rav' \(did you"),
        ({"topic": "camera/image_raw", "odometry": "/odo"}, "no odometry on '/odo'"),
    ):
        with pytest.raises(DriveError, match=words):
            load(**options)
    drive = load(topic="camera/image_raw", odometry="gps/odom")
    assert drive.poses[:, 0].tolist() == [1000.0 - 2.0 * n for n in range(6)]


def test_pictures_that_can_not_be_small_are_told(tmp_path: Path) -> None:
    with Recorder(tmp_path / "bag") as bag:
        bag.picture(1.0, 1, "bayer_rggb8")
    with pytest.raises(
        DriveError,
        match=r"image_raw can't be read: .*'bayer_rggb8' aren't known",
    ):
        load_drive(tmp_path / "bag", CONFIG)


def test_messages_that_are_cut_off_or_of_no_known_encoding_are_told(tmp_path: Path) -> None:
    for name, data in (
        ("cut", b"\0\1\0\0\1\0\0\0"),
        ("unknown", packet("evt9", b"\0" * 8)),
    ):
        with Writer(tmp_path / name, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
            store: Any = get_typestore(Stores.ROS2_JAZZY)
            store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
            topic = bag.add_connection("/events", EVENT_PACKET, typestore=store)
            bag.write(topic, 1, data)
        with pytest.raises(DriveError, match=f"{name}: a message on /events can't be read: "):
            load_drive(tmp_path / name, CONFIG)


def test_events_shorter_than_a_window_are_told(tmp_path: Path) -> None:
    with Writer(tmp_path / "short", version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        store: Any = get_typestore(Stores.ROS2_JAZZY)
        store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
        topic = bag.add_connection("/events", EVENT_PACKET, typestore=store)
        bag.write(topic, 1, packet("mono", b""))
    with pytest.raises(DriveError, match=r"no picture on /events that has 0\.25 s of events"):
        load_drive(tmp_path / "short", CONFIG)


def packet(encoding: str, events: bytes) -> bytes:
    """An EventPacket as CDR."""
    store: Any = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
    make = store.types
    stamp = make["builtin_interfaces/msg/Time"](1, 0)
    header = make["std_msgs/msg/Header"](stamp, "eye")
    data = np.frombuffer(events, np.uint8)
    message = make[EVENT_PACKET](header, HEIGHT, WIDTH, 0, 0, encoding, False, data)
    return bytes(store.serialize_cdr(message, EVENT_PACKET))
