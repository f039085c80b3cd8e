"""Storage files of rosbag2: all their topics and messages, in the order of recording.

Not by reception time: messages that share one would come in any order.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from mcap.exceptions import McapError
from mcap.reader import make_reader

from spikeloop.events.salvage import (
    CHANNEL,
    DAMAGE,
    DATABASE_DAMAGE,
    MESSAGE,
    SCHEMA,
    CutDatabase,
    CutMcap,
    check_message,
    number,
    text_at,
    unpacked_zstd,
)

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""No message in CDR begins so: its first byte is 0."""
SUMMARY_DAMAGE = (
    *(McapError, ValueError, LookupError, OSError, EOFError, OverflowError, MemoryError),
    struct.error,
)
"""What the reader of MCAP raises for a damaged list of topics at the end."""
DEEPEST = 100_000
"""Messages of a history that are believed."""


class Stored(NamedTuple):
    """A message as it lies in the file: topic, reception time in ns, bytes."""

    topic: str
    received_ns: int
    data: bytes


@dataclass(frozen=True)
class Described:
    """What a file says of a topic.

    Attributes:
        kind: ROS type such as "std_msgs/msg/String".
        definition: text of its definition with those that it uses; empty where there is none.
        language: "ros2msg" or "ros2idl".
        latched: whether it was offered to late readers.
        reliable: whether it was offered as reliable.
        depth: of its history; 0 where the file doesn't say.

    """

    kind: str
    definition: str = ""
    language: str = "ros2msg"
    latched: bool = False
    reliable: bool = True
    depth: int = 0


class DatabaseFile(CutDatabase):
    """A .db3 file."""

    def described(self) -> dict[str, Described]:
        """Topics by name."""
        offered: dict[str, Any] = {}
        definitions: dict[str, tuple[str, str]] = {}
        # The first recordings have no QoS, those before rosbag2's version 7 no definitions.
        with contextlib.suppress(*DATABASE_DAMAGE):
            offered = dict(self._database.execute("SELECT name, offered_qos_profiles FROM topics"))
        with contextlib.suppress(*DATABASE_DAMAGE):
            rows = self._database.execute(
                "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
            )
            # SQLite takes any type anywhere, and in a damaged file there are.
            definitions = {
                kind: (text, language)
                for kind, language, text in rows
                if isinstance(text, str) and isinstance(language, str)
            }
        found = {}
        for name, (_, kind) in self._topics.items():
            text, language = definitions.get(kind, ("", ""))
            found[name] = Described(kind, text, language, *offer(offered.get(name, "")))
        return found

    def all_messages(self) -> Iterator[Stored]:
        """The messages of all topics.

        Raises:
            sqlite3.DatabaseError, MemoryError: here the file breaks off.

        """
        names = {topic: name for name, (topic, _) in self._topics.items()}
        query = "SELECT topic_id, timestamp, data FROM messages NOT INDEXED ORDER BY rowid"
        for topic, received, data in self._database.execute(query):
            if topic in names:
                check_message(received, data)
                yield Stored(names[topic], received, _plain(data))


class McapFile(CutMcap):
    """An .mcap file."""

    def __init__(self, path: Path) -> None:
        """Read its list of topics: that at its end, or by looking through it where that is cut.

        Raises:
            StorageError: it has none.

        """
        self._path, self._read = path, 0
        self._described: dict[str, Described] = {}
        try:
            with path.open("rb") as file:
                summary = make_reader(file).get_summary()
            channels, schemas = (summary.channels, summary.schemas) if summary else ({}, {})
        except SUMMARY_DAMAGE:
            channels, schemas = {}, {}
        for channel in channels.values():
            schema = schemas.get(channel.schema_id)
            self._described[channel.topic] = Described(
                schema.name if schema else "",
                schema.data.decode("utf-8", "replace") if schema else "",
                schema.encoding if schema else "",
                *offer(channel.metadata.get("offered_qos_profiles", "")),
            )
        self.topics = {name: topic.kind for name, topic in self._described.items()}
        if not self.topics:
            super().__init__(path)

    def described(self) -> dict[str, Described]:
        """Topics by name."""
        if not self._described:
            self._described = {name: Described(kind) for name, kind in self.topics.items()}
            # A cut file: what comes before the break is all there is.
            with contextlib.suppress(*DAMAGE):
                for opcode, content in self.records():
                    if opcode == SCHEMA:
                        self._take_schema(content)
        return self._described

    def _take_schema(self, content: memoryview) -> None:
        kind, after = text_at(content, 2)
        language, after = text_at(content, after)
        definition = str(content[after + 4 :], "utf-8", "replace")
        for name, topic in self._described.items():
            if topic.kind == kind:
                self._described[name] = Described(kind, definition, language)

    def all_messages(self) -> Iterator[Stored]:
        """The messages of all topics.

        Raises:
            ValueError: here the file breaks off, or its messages aren't in CDR.

        """
        names: dict[int, str] = {}
        for opcode, content in self.records():
            if opcode == CHANNEL:
                name, after = text_at(content, 4)
                encoding, _ = text_at(content, after)
                if encoding != "cdr":
                    raise ValueError(f"topic {name}: the messages are in '{encoding}', not in cdr")
                if name not in self.topics:
                    # Nobody could have chosen it, so its messages would be missing unnoticed.
                    raise ValueError(f"topic {name} isn't in the list of topics at the file's end")
                names[number(content, 0, 2)] = name
            elif opcode == MESSAGE:
                channel = number(content, 0, 2)
                if channel not in names:
                    raise ValueError(f"a message of channel {channel}, which isn't described")
                data = _plain(bytes(content[22:]))
                yield Stored(names[channel], number(content, 6, 8), data)


def _plain(data: bytes) -> bytes:
    """A message as it is, or what is in it when it was compressed by itself."""
    if data[:4] != ZSTD_MAGIC:
        return data
    return unpacked_zstd(data)


def offer(text: Any) -> tuple[bool, bool, int]:
    """Whether latched, whether reliable, and the depth, from a bag's text of offered QoS.

    All publishers' offers count: latched and reliable if all are. Numbers are those of rmw, words
    those of newer recordings.
    """
    try:
        listed = yaml.safe_load(text) if isinstance(text, str) else text
    except (yaml.YAMLError, ValueError, RecursionError):
        listed = None
    known = listed if isinstance(listed, list) else []
    profiles = [profile for profile in known if isinstance(profile, dict)]
    if not profiles:
        return False, True, 0
    latched = all(p.get("durability") in (1, "transient_local") for p in profiles)
    reliable = all(p.get("reliability") in (1, "reliable") for p in profiles)
    depths = [p.get("depth", 0) for p in profiles]
    # A depth beyond all reason is none; 2^31 - 1 is how some write "keep all".
    depth = max(d if isinstance(d, int) else 0 for d in depths)
    return latched, reliable, depth if 0 <= depth <= DEEPEST else 0
