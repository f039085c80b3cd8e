"""MCAP files of ROS 2 messages with their definitions inside, so that any tool can open them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mcap.exceptions import McapError
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

SEPARATOR = "=" * 80
_SIZED = tuple(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))
PRIMITIVES = frozenset(("bool", "byte", "char", "float32", "float64", "string", "wstring", *_SIZED))


def full_definition(type_name: str, find: Callable[[str, str], str]) -> str:
    """Definition of a message and of all that it contains, in the form that MCAP calls ros2msg.

    Args:
        type_name: such as "sensor_msgs/msg/Imu".
        find: text of a definition by package and name.

    """
    package, _, name = type_name.split("/")
    parts = [find(package, name)]
    seen = {(package, name)}
    waiting = _contained(parts[0], package)
    while waiting:
        key = waiting.pop(0)
        if key in seen:
            continue
        seen.add(key)
        text = find(*key)
        parts.append(f"{SEPARATOR}\nMSG: {key[0]}/{key[1]}\n{text}")
        waiting += _contained(text, key[0])
    return "\n".join(parts)


def _contained(text: str, package: str) -> list[tuple[str, str]]:
    """Message types of the fields of a definition."""
    found = []
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        if len(words) < 2 or "=" in words[1]:
            continue
        kind = words[0].split("[", 1)[0].split("<=", 1)[0]
        if kind not in PRIMITIVES:
            head, _, tail = kind.rpartition("/")
            found.append((head.split("/", 1)[0] or package, tail))
    return found


def next_path(path: Path) -> Path:
    """The first of `name_2`, `name_3` and so on where nothing is yet."""
    numbered = (path.with_stem(f"{path.stem}_{number}") for number in itertools.count(2))
    return next(p for p in numbered if not p.exists())


class McapRecording:
    """Writes serialised messages; nothing is decoded on the way."""

    def __init__(self, path: Path, find: Callable[[str, str], str]) -> None:
        """Create the file, and its folder if need be.

        Raises:
            OSError: it can't be created.

        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.counts: dict[str, int] = {}
        self._find = find
        self._file = path.open("wb")
        self._writer = Writer(self._file, compression=CompressionType.ZSTD)
        self._writer.start(profile="ros2", library="spikeloop")
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}

    def add_topic(self, topic: str, type_name: str) -> None:
        """Announce a topic with the definition of its type.

        Raises:
            RecordingError: the file can't be written any more, and is closed.

        """
        if type_name not in self._schemas:
            text = full_definition(type_name, self._find).encode()
            with self._writing():
                self._schemas[type_name] = self._writer.register_schema(type_name, "ros2msg", text)
        with self._writing():
            self._channels[topic] = self._writer.register_channel(
                topic, "cdr", self._schemas[type_name]
            )
        self.counts[topic] = 0

    def add(self, topic: str, time_ns: int, data: bytes) -> None:
        """Append a message in CDR that was received at a time.

        Raises:
            RecordingError: the file can't be written any more, and is closed.

        """
        number = self.counts[topic]
        with self._writing():
            self._writer.add_message(self._channels[topic], time_ns, data, time_ns, number)
        self.counts[topic] = number + 1

    def close(self) -> None:
        """Write index and summary; without them the file still reads up to its end.

        Raises:
            RecordingError: they can't be written; the file is closed all the same.

        """
        if not self._file.closed:
            with self._writing():
                self._writer.finish()
                self._file.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """End the file with the first error: behind a gap nothing could be read."""
        try:
            yield
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.close()
            raise RecordingError(
                f"{self.path}: can't be written any more: {error.strerror or error}; it reads up "
                "to there"
            ) from error


class RecordingError(ValueError):
    """A recording can't be read or written; the message names the file and the cause."""


def read_messages(path: Path, topics: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Messages of some topics in the order of recording, decoded by the definitions inside.

    Args:
        path: an MCAP file as `McapRecording` writes it.
        topics: full names; those that aren't in the file are left out.

    Yields:
        (topic, message with the fields of its definition).

    Raises:
        RecordingError: the file is missing, cut or no MCAP.

    """
    store = get_typestore(Stores.ROS2_JAZZY)
    try:
        with path.open("rb") as file:
            for schema, channel, message in make_reader(file).iter_messages(topics=list(topics)):
                assert schema is not None
                if schema.name not in store.types:
                    store.register(get_types_from_msg(schema.data.decode(), schema.name))
                yield channel.topic, store.deserialize_cdr(message.data, schema.name)
    except (OSError, McapError) as error:
        raise RecordingError(f"{path}: can't be read: {error}") from error
