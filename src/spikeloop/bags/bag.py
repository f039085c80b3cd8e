"""A bag: its topics, and its messages as ROS 2's bytes in the order of recording.

rosbag2 as sqlite3 or MCAP, split, compressed by file, chunk or message, with metadata.yaml or
without; ROS 1 bags, whose messages are converted.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
import zstandard
from rosbags.convert.converter import migrate_bytes
from rosbags.rosbag1 import Reader
from rosbags.typesys import (
    Stores,
    TypesysError,
    get_types_from_idl,
    get_types_from_msg,
    get_typestore,
)

from spikeloop.bags.storage import DatabaseFile, Described, McapFile, Stored
from spikeloop.events.recording import RecordingError
from spikeloop.events.salvage import StorageError

SUFFIXES: dict[str, type[DatabaseFile] | type[McapFile]] = {
    ".db3": DatabaseFile,
    ".mcap": McapFile,
}
HEADER = "std_msgs/msg/Header"
RENAMED = {
    "event_array_msgs/msg/EventArray": "event_camera_msgs/msg/EventPacket",
    "tf/msg/tfMessage": "tf2_msgs/msg/TFMessage",
    "rosgraph_msgs/msg/Log": "rcl_interfaces/msg/Log",
}


class BagError(RecordingError):
    """A bag can't be read; the message names it, the place and the cause."""


@dataclass(frozen=True)
class BagTopic:
    """A topic of a bag.

    Attributes:
        name: of the topic.
        kind: ROS 2 type such as "sensor_msgs/msg/Imu".
        definition: its definition as ROS 2 writes it, with those that it uses behind it, each
            under a line `MSG: package/Type`; empty where the bag holds none.
        type_hash: RIHS01 hash of the definition, by which two ends of a topic know that they mean
            the same; empty likewise.
        latched: whether late readers get the last message.
        reliable: whether it was published as reliable.
        depth: of the publisher's history; 0 where it isn't known.

    """

    name: str
    kind: str
    definition: str
    type_hash: str
    latched: bool
    reliable: bool
    depth: int


class Bag:
    """An open bag; iterate `messages` any number of times, one message in memory at a time."""

    def __init__(self, path: Path) -> None:
        """Look at its topics.

        Raises:
            BagError: nothing is there, or it is no bag.

        """
        self.path = path
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        if not path.exists():
            raise BagError(f"{path}: no such file or folder")
        self._is_ros1 = path.suffix == ".bag"
        self._store: Any = get_typestore(Stores.ROS2_JAZZY)
        found = self._open_ros1() if self._is_ros1 else self._open_files()
        self.topics = tuple(self._topic(name, topic) for name, topic in found.items())

    def messages(self) -> Iterator[Stored]:
        """All messages in the order of recording.

        Raises:
            BagError: here it breaks off; what came before was given out.

        """
        given = 0
        place = ""
        try:
            if self._is_ros1:
                for stored in self._ros1_messages():
                    yield stored
                    given += 1
                return
            for path in self._paths:
                place = path.name
                file = SUFFIXES[_suffix(path)](self._plain(path))
                for stored in file.all_messages():
                    yield stored
                    given += 1
        except GeneratorExit:
            raise
        except Exception as error:
            # sqlite3, zstd, MCAP and rosbags each raise their own kind for a damaged file.
            cause = str(error) or type(error).__name__
            where = f", in {place}" if place else ""
            raise BagError(
                f"{self.path}: breaks off after {given} messages{where}: {cause}"
            ) from error

    # --- rosbag2 -------------------------------------------------------------------------------

    def _open_files(self) -> dict[str, Described]:
        self._paths = [self.path] if self.path.is_file() else _parts(self.path)
        if not self._paths or any(_suffix(path) not in SUFFIXES for path in self._paths):
            raise BagError(
                f"{self.path}: is no bag: a .bag of ROS 1, a file {' or '.join(SUFFIXES)}, or a "
                "folder of these is needed"
            )
        found: dict[str, Described] = {}
        for path in self._paths:
            try:
                found |= SUFFIXES[_suffix(path)](self._plain(path)).described() | found
            except (StorageError, OSError) as error:
                raise BagError(f"{self.path}: {error}") from error
        return found

    def _plain(self, path: Path) -> Path:
        """A storage file as it is, or what is in it when it was compressed as a whole."""
        if path.suffix != ".zstd":
            return path
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory()
        plain = Path(self._scratch.name) / path.stem
        for other in Path(self._scratch.name).iterdir():
            if other != plain:
                other.unlink()  # one at a time, for a recording can be larger than the disk
        if not plain.exists():
            try:
                with path.open("rb") as packed, plain.open("wb") as file:
                    zstandard.ZstdDecompressor().copy_stream(packed, file)
            except zstandard.ZstdError as error:
                plain.unlink(missing_ok=True)
                raise BagError(f"{path}: can't be decompressed: {error}") from error
        return plain

    # --- ROS 1 ---------------------------------------------------------------------------------

    def _open_ros1(self) -> dict[str, Described]:
        self._ros1_store: Any = get_typestore(Stores.EMPTY)
        found = {}
        try:
            with Reader(self.path) as reader:
                for connection in reader.connections:
                    self._register_ros1(connection)
                    kind = RENAMED.get(connection.msgtype, connection.msgtype)
                    latched = bool(getattr(connection.ext, "latching", 0))
                    found[connection.topic] = Described(kind, "", "ros1", latched)
        except Exception as error:
            # rosbags raises a dozen kinds for a damaged file, those of its parser among them.
            cause = (str(error) or type(error).__name__).splitlines()[0]
            raise BagError(f"{self.path}: can't be opened as a ROS 1 bag: {cause}") from error
        return found

    def _register_ros1(self, connection: Any) -> None:
        kinds = get_types_from_msg(connection.msgdef.data, connection.msgtype)
        self._ros1_store.register(kinds)
        # A header without `seq` is what ROS 2 has; what it doesn't know comes from the bag.
        new = {k: v for k, v in kinds.items() if k not in self._store.fielddefs and k != HEADER}
        self._store.register(new)

    def _ros1_messages(self) -> Iterator[Stored]:
        cache: dict[str, object] = {}
        with Reader(self.path) as reader:
            for connection, received, raw in reader.messages():
                kind = RENAMED.get(connection.msgtype, connection.msgtype)
                data = migrate_bytes(
                    self._ros1_store, self._store, connection.msgtype, kind, cache, raw,
                    src_is2=False, dst_is2=True,
                )  # fmt: skip
                yield Stored(connection.topic, received, bytes(data))

    # --- types ---------------------------------------------------------------------------------

    def _topic(self, name: str, topic: Described) -> BagTopic:
        definition = kind_hash = ""
        if topic.kind in RENAMED:
            # Its fields are the same, so its bytes are too; a definition would carry the old name.
            topic = replace(topic, kind=RENAMED[topic.kind], definition="")
        store = self._store if topic.language == "ros1" else get_typestore(Stores.EMPTY)
        # A definition that can't be read is as good as none.
        # rosbags makes classes of it, which fails in Python's own ways for names that are none.
        with contextlib.suppress(TypesysError, ValueError, LookupError, TypeError, SyntaxError):
            if topic.language == "ros2idl" and topic.definition:
                store.register(get_types_from_idl(topic.definition))
            elif topic.definition:
                # For rosidl a char is a uint8; rosbags takes it for a type of its own.
                text = re.sub(r"^(\s*)char\b", r"\1uint8", topic.definition, flags=re.MULTILINE)
                store.register(get_types_from_msg(text, topic.kind))
            if topic.kind in store.fielddefs:
                definition = store.generate_msgdef(topic.kind, ros_version=2)[0]
                kind_hash = store.hash_rihs01(topic.kind)
        if definition and topic.language == "ros2msg":
            definition = topic.definition
        return BagTopic(
            name, topic.kind, definition, kind_hash, topic.latched, topic.reliable, topic.depth
        )


def _suffix(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix == ".zstd" else path.suffix


def _parts(folder: Path) -> list[Path]:
    """Storage files in their order: that of the metadata, or of the numbers in their names."""
    there = [path for path in folder.iterdir() if _suffix(path) in SUFFIXES]
    order: dict[str, int] = {}
    try:
        stated = yaml.safe_load((folder / "metadata.yaml").read_text(encoding="utf-8"))
        names = stated["rosbag2_bagfile_information"]["relative_file_paths"]
        order = {Path(name).name: place for place, name in enumerate(names)}
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        pass  # without it the names have to do
    # Numbers have no leading zeros. What the metadata doesn't name was written after it.
    return sorted(
        there,
        key=lambda p: (
            order.get(p.name, len(order)),
            [int(n) for n in re.findall(r"\d+", p.name.split(".")[0])],
        ),
    )
