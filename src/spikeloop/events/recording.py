"""Recordings of event cameras: rosbag2 folders with EventPacket messages, read without ROS."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from spikeloop.events.salvage import CutDatabase

EVENT_PACKET = "event_camera_msgs/msg/EventPacket"
_FIELDS = (
    "std_msgs/Header header\nuint32 height\nuint32 width\nuint64 seq\nuint64 time_base\n"
    "string encoding\nbool is_bigendian\nuint8[] events\n"
)


class RecordingError(ValueError):
    """A file can't be read; the message names it, the place and the cause."""


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
        """Open a rosbag2 folder, or the .db3 or .mcap file in one.

        Args:
            path: where it is.
            topic: which topic; empty for the only one of type EventPacket.

        Raises:
            RecordingError: nothing is there, it is no recording, or the topic isn't clear.

        """
        self.path = path
        store = get_typestore(Stores.ROS2_JAZZY)
        store.register(get_types_from_msg(_FIELDS, EVENT_PACKET))
        folder = path.parent if path.is_file() and path.suffix in (".db3", ".mcap") else path
        if not path.exists():
            raise RecordingError(f"{path}: no such file or folder")
        if folder.is_dir() and not (folder / "metadata.yaml").exists():
            raise RecordingError(
                f"{path}: is no rosbag2 recording, for it has no metadata.yaml; "
                "`ros2 bag reindex` makes one"
            )
        self._store = store
        self._cut: CutDatabase | None = None
        try:
            self._reader = AnyReader([folder], default_typestore=store)
            self._reader.open()
            found = [(c.topic, c.msgtype, c.msgcount, c) for c in self._reader.connections]
        except (AnyReaderError, ValueError, KeyError, OSError, sqlite3.DatabaseError) as error:
            found = self._open_cut(folder, error)
        self.topic, _, self.count, self._connection = self._choose(topic, found)

    def _open_cut(self, folder: Path, error: Exception) -> list[tuple[str, str, int, Any]]:
        """What a database that the reader refuses still holds."""
        refused = RecordingError(f"{self.path}: can't be opened as a recording: {error}")
        files = sorted(folder.glob("*.db3")) if folder.is_dir() else []
        if len(files) != 1:
            raise refused from error
        try:
            self._cut = CutDatabase(files[0])
        except sqlite3.DatabaseError:
            raise refused from error
        # How many there were is known from the metadata alone.
        count = 0
        with contextlib.suppress(OSError, yaml.YAMLError, KeyError, TypeError):
            metadata = yaml.safe_load((folder / "metadata.yaml").read_text(encoding="utf-8"))
            count = int(metadata["rosbag2_bagfile_information"]["message_count"])
        return [(name, kind, count, None) for name, (_, kind) in self._cut.topics.items()]

    def _choose(
        self, topic: str, found: list[tuple[str, str, int, Any]]
    ) -> tuple[str, str, int, Any]:
        wanted = [entry for entry in found if entry[1] == EVENT_PACKET]
        if topic:
            wanted = [entry for entry in wanted if entry[0] == topic]
        if len(wanted) == 1:
            return wanted[0]
        listed = ", ".join(f"{name} ({kind})" for name, kind, _, _ in found) or "none"
        what = f"topic '{topic}'" if topic else "exactly one topic"
        raise RecordingError(
            f"{self.path}: {what} of type {EVENT_PACKET} is needed; topics: {listed}"
        )

    def _raw(self) -> Iterator[tuple[int, bytes]]:
        if self._cut is not None:
            yield from self._cut.messages(self.topic)
            return
        for _, received, raw in self._reader.messages([self._connection]):
            yield received, raw

    def packets(self) -> Iterator[Packet]:
        """All packets in the order of recording.

        Raises:
            RecordingError: the file breaks off; what came before was given out.

        """
        given = 0
        try:
            for received, raw in self._raw():
                message: Any = self._store.deserialize_cdr(raw, EVENT_PACKET)
                stamp = message.header.stamp
                yield Packet(
                    received,
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
                given += 1
        except GeneratorExit:
            raise
        except Exception as error:
            # sqlite3, zstd, MCAP and CDR each raise their own kind for a damaged file.
            raise RecordingError(
                f"{self.path}: breaks off after {given} of {self.count} packets: {error}"
            ) from error
        if given < self.count:
            raise RecordingError(f"{self.path}: holds only {given} of {self.count} packets")
