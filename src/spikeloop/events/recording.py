"""Recordings of event cameras: bags of ROS 2 and ROS 1 with EventPackets, read without ROS."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml
import zstandard
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from spikeloop.events import event_array
from spikeloop.events.event_array import EventArray
from spikeloop.events.salvage import SUFFIXES, StorageError, StorageFile, open_storage

EVENT_PACKET = "event_camera_msgs/msg/EventPacket"
OLD_PACKET = "event_array_msgs/msg/EventArray"
"""The former name of EventPacket."""
FIELDS = (
    "std_msgs/Header header\nuint32 height\nuint32 width\nuint64 seq\nuint64 time_base\n"
    "string encoding\nbool is_bigendian\nuint8[] events\n"
)


KINDS = (EVENT_PACKET, OLD_PACKET, *event_array.KINDS)


class RecordingError(ValueError):
    """A file can't be read; the message names it, the place and the cause."""


class _Topic(NamedTuple):
    name: str
    kind: str
    packets: int
    """As the recording states; 0 where it doesn't."""
    connections: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Packet:
    """One message of an event camera.

    Attributes:
        received_ns: when the recorder got it, ns.
        stamp_ns: stamp of its header, ns.
        frame_id: frame of the camera.
        width: columns of the sensor.
        height: rows of the sensor.
        seq: sequence number; a gap is a loss.
        time_base: ns; unused by EVT3, whose words carry the sensor's time.
        encoding: such as "evt3".
        is_bigendian: byte order of the words.
        data: the encoded events.

    """

    received_ns: int
    stamp_ns: int
    frame_id: str
    width: int
    height: int
    seq: int
    time_base: int
    encoding: str
    is_bigendian: bool
    data: bytes


class Recording:
    """An open recording; iterate `packets` any number of times, one packet in memory at a time."""

    def __init__(self, path: Path, topic: str = "") -> None:
        """Open a rosbag2 folder, one .db3 or .mcap file of it, or a ROS 1 .bag.

        Args:
            path: where it is.
            topic: which topic; empty for the only one of type EventPacket.

        Raises:
            RecordingError: nothing is there, it is no recording, or the topic isn't clear.

        """
        self.path = path
        if not path.exists():
            raise RecordingError(f"{path}: no such file or folder")
        self._store = get_typestore(Stores.ROS2_JAZZY)
        for kind in (EVENT_PACKET, OLD_PACKET):
            self._store.register(get_types_from_msg(FIELDS, kind))
        self._files: list[StorageFile] = []
        self._unpacked: tempfile.TemporaryDirectory[str] | None = None
        chosen = self._choose(topic, self._open())
        self.topic, self.kind, self.count = chosen.name, chosen.kind, chosen.packets
        self._connections = chosen.connections

    def _open(self) -> list[_Topic]:
        """The topics, from whichever reader can open it."""
        is_folder = self.path.is_dir()
        if is_folder and not (self.path / "metadata.yaml").exists():
            return self._open_files(
                f"{self.path}: is no rosbag2 recording, for it has neither metadata.yaml "
                f"nor {' nor '.join(SUFFIXES)} files"
            )
        if not is_folder and _is_storage(self.path):
            return self._open_files("")
        try:
            self._reader = AnyReader([self.path], default_typestore=self._store)
            self._reader.open()
        except Exception as error:
            # rosbags raises a dozen kinds for a damaged file, those of its parser among them.
            cause = (str(error) or type(error).__name__).splitlines()[0]
            return self._open_files(f"{self.path}: can't be opened as a recording: {cause}")
        found: dict[tuple[str, str], list[Any]] = {}
        for connection in self._reader.connections:
            found.setdefault((connection.topic, connection.msgtype), []).append(connection)
        # In a ROS 1 bag each publisher of a topic is a connection of its own.
        return [
            _Topic(name, kind, sum(c.msgcount for c in several), tuple(several))
            for (name, kind), several in found.items()
        ]

    def _open_files(self, refused: str) -> list[_Topic]:
        """The storage files themselves, whose metadata or end is missing."""
        paths = [self.path]
        if self.path.is_dir():
            # Parts of a split recording are numbered without leading zeros.
            paths = sorted(
                (p for p in self.path.iterdir() if _is_storage(p)),
                key=lambda p: [int(n) for n in re.findall(r"\d+", p.name.split(".")[0])],
            )
        if not paths or not _is_storage(paths[0]):
            raise RecordingError(refused)
        paths = [self._plain(path) for path in paths]
        try:
            self._files = [open_storage(path) for path in paths]
        except StorageError as error:
            raise RecordingError(refused or f"{self.path.parent / str(error)}") from error
        counts = _counts(self.path / "metadata.yaml")
        kinds = {name: kind for file in self._files for name, kind in file.topics.items()}
        return [_Topic(name, kind, counts.get(name, 0)) for name, kind in kinds.items()]

    def _plain(self, path: Path) -> Path:
        """A storage file as it is, or what is in it when it was compressed as a whole."""
        if path.suffix != ".zstd":
            return path
        if self._unpacked is None:
            self._unpacked = tempfile.TemporaryDirectory()
        plain = Path(self._unpacked.name) / path.stem
        try:
            with path.open("rb") as packed, plain.open("wb") as file:
                zstandard.ZstdDecompressor().copy_stream(packed, file)
        except zstandard.ZstdError as error:
            raise RecordingError(f"{path}: can't be decompressed: {error}") from error
        return plain

    def _choose(self, topic: str, found: list[_Topic]) -> _Topic:
        wanted = [t for t in found if t.kind in KINDS and topic in ("", t.name)]
        if len(wanted) == 1:
            return wanted[0]
        listed = ", ".join(f"{t.name} ({t.kind})" for t in found) or "none"
        what = f"topic '{topic}'" if topic else "exactly one topic"
        raise RecordingError(
            f"{self.path}: {what} of type {' or '.join(KINDS)} is needed; topics: {listed}"
        )

    def _messages(self) -> Iterator[list[Packet]]:
        """The packets of each message."""
        count = 0
        for received, raw, is_ros1 in self._raw_messages():
            if self.kind in event_array.KINDS:
                packets = _of_array(received, event_array.parse(raw, is_ros1=is_ros1), count)
            elif is_ros1:
                packets = [_packet(received, self._reader.deserialize(raw, self.kind))]
            else:
                packets = [_packet(received, self._store.deserialize_cdr(raw, self.kind))]
            count += len(packets)
            yield packets

    def _raw_messages(self) -> Iterator[tuple[int, bytes, bool]]:
        """When each message was received, its bytes, and whether they are of ROS 1."""
        if not self._files:
            is_ros1 = not self._reader.is2
            for _, received, raw in self._reader.messages(self._connections):
                yield received, raw, is_ros1
        for file in self._files:
            if self.topic in file.topics:
                for received, raw in file.messages(self.topic):
                    yield received, raw, False

    def packets(self) -> Iterator[Packet]:
        """All packets in the order of recording.

        Raises:
            RecordingError: the file breaks off; what came before was given out.

        """
        given = 0
        expected = f" of {self.count}" if self.count else ""
        messages = self._messages()
        while True:
            try:
                packets = next(messages)
            except StopIteration:
                break
            except Exception as error:
                # sqlite3, zstd, MCAP and CDR each raise their own kind for a damaged file.
                cause = str(error) or type(error).__name__
                places = "".join(f"; {file.place()}" for file in self._files)
                raise RecordingError(
                    f"{self.path}: breaks off after {given}{expected} packets: {cause}{places}"
                ) from error
            yield from packets
            given += 1
        if given < self.count:
            raise RecordingError(f"{self.path}: holds only {given}{expected} packets")


def _of_array(received_ns: int, message: EventArray, seq: int) -> list[Packet]:
    """An older message as packets of `mono`; numbered on, for these messages have no number."""
    parts = event_array.mono_packets(message.t, message.x, message.y, message.p)
    return [
        Packet(
            received_ns,
            message.stamp_ns,
            message.frame_id,
            message.width,
            message.height,
            seq + k,
            base,
            "mono",
            False,
            data,
        )
        for k, (base, data) in enumerate(parts)
    ]


def _packet(received_ns: int, message: Any) -> Packet:
    stamp = message.header.stamp
    return Packet(
        received_ns,
        stamp.sec * 1_000_000_000 + stamp.nanosec,
        message.header.frame_id,
        message.width,
        message.height,
        message.seq,
        message.time_base,
        message.encoding,
        message.is_bigendian,
        message.events.tobytes(),
    )


def _is_storage(path: Path) -> bool:
    return Path(path.stem if path.suffix == ".zstd" else path.name).suffix in SUFFIXES


def _counts(metadata: Path) -> dict[str, int]:
    """Messages by topic as the metadata states them; empty where it can't be read."""
    with contextlib.suppress(OSError, yaml.YAMLError, KeyError, TypeError, ValueError):
        stated = yaml.safe_load(metadata.read_text(encoding="utf-8"))
        topics = stated["rosbag2_bagfile_information"]["topics_with_message_count"]
        return {t["topic_metadata"]["name"]: int(t["message_count"]) for t in topics}
    return {}
