"""Storage files of a rosbag2 recording, read from their start as far as they go.

So they can be read without the folder's metadata.yaml, and when their end is missing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import lz4.frame
import zstandard

SCHEMA, CHANNEL, MESSAGE, CHUNK, DATA_END = 0x03, 0x04, 0x05, 0x06, 0x0F
"""Kinds of records of MCAP."""
LARGEST = 1 << 30
"""Bytes of unpacked data that a chunk or a message is believed to have."""
DAMAGE = (ValueError, RuntimeError, zstandard.ZstdError)
"""What cut or changed bytes raise: lengths and texts, LZ4, zstd."""

DATABASE_DAMAGE = (sqlite3.Error, MemoryError)
"""What SQLite raises: it asks for as much memory as a damaged size says."""


class StorageError(ValueError):
    """Not even the list of topics is left; the message gives the cause."""


class CutDatabase:
    """A .db3 file: its messages in the order of recording, up to a break."""

    def __init__(self, path: Path) -> None:
        """Open it for reading only.

        Raises:
            StorageError: it has no list of topics.

        """
        self._path = path
        # With a write-ahead log beside it, a recorder was killed: the log holds messages too.
        fixed = "" if path.with_name(path.name + "-wal").exists() else "&immutable=1"
        try:
            self._database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{fixed}", uri=True)
            # Without this SQLite refuses a file that is shorter than its header says, whole.
            self._database.execute("PRAGMA writable_schema=ON")
            self._topics: dict[str, tuple[int, str]] = {
                name: (number, kind)
                for number, name, kind in self._database.execute(
                    "SELECT id, name, type FROM topics"
                )
            }
        except DATABASE_DAMAGE as error:
            cause = str(error) or type(error).__name__
            raise StorageError(f"{path.name}: {cause}") from error
        for name, (_, kind) in self._topics.items():
            if not (isinstance(name, str) and isinstance(kind, str)):
                raise StorageError(f"{path.name}: the list of topics is damaged at {name!r}")
        self.topics = {name: kind for name, (_, kind) in self._topics.items()}

    def messages(self, topic: str) -> Iterator[tuple[int, bytes]]:
        """Time of reception, ns, and the raw message.

        Raises:
            sqlite3.DatabaseError, MemoryError: here the file breaks off.

        """
        number, _ = self._topics[topic]
        # By rowid, for the index on times is the first thing that a cut takes away.
        query = "SELECT timestamp, data FROM messages NOT INDEXED WHERE topic_id = ? ORDER BY rowid"
        for received, data in self._database.execute(query, (number,)):
            check_message(received, data)
            yield received, data

    def place(self) -> str:
        """How much of the file there is."""
        with self._path.open("rb") as file:
            header = file.read(100)
        page = int.from_bytes(header[16:18], "big")
        whole = (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")
        size = self._path.stat().st_size
        there = f"{size:,} of {whole:,} bytes" if size < whole else f"all {size:,} bytes"
        return f"{self._path.name} has {there}"


class CutMcap:
    """An .mcap file: its messages in the order of recording, up to a break, even inside a chunk.

    Layout: mcap.dev/spec. Readers that go by chunks lose the whole one that a cut goes through, and
    an event camera fills one in less than a second.
    """

    def __init__(self, path: Path) -> None:
        """Look through it for its topics.

        Raises:
            StorageError: it has none.

        """
        self._path = path
        self._read = 0
        self.topics: dict[str, str] = {}
        schemas: dict[int, str] = {}
        cause = "it holds no topic"
        try:
            for opcode, content in self.records():
                if opcode == SCHEMA:
                    schemas[number(content, 0, 2)] = text_at(content, 2)[0]
                elif opcode == CHANNEL:
                    self.topics[text_at(content, 4)[0]] = schemas.get(number(content, 2, 2), "")
        except DAMAGE as error:
            cause = str(error) or type(error).__name__
        if not self.topics:
            raise StorageError(f"{path.name}: {cause}")

    def messages(self, topic: str) -> Iterator[tuple[int, bytes]]:
        """Time of reception, ns, and the raw message.

        Raises:
            ValueError: here the file breaks off, or its messages aren't in CDR.

        """
        wanted: set[int] = set()
        for opcode, content in self.records():
            if opcode == CHANNEL:
                name, after = text_at(content, 4)
                encoding, _ = text_at(content, after)
                if name == topic:
                    if encoding != "cdr":
                        raise ValueError(f"the messages are in '{encoding}', not in cdr")
                    wanted.add(number(content, 0, 2))
            elif opcode == MESSAGE and number(content, 0, 2) in wanted:
                yield number(content, 6, 8), bytes(content[22:])

    def place(self) -> str:
        """How far the file could be read."""
        size = self._path.stat().st_size
        return f"{self._path.name} is whole up to byte {self._read:,} of {size:,}"

    def records(self) -> Iterator[tuple[int, memoryview]]:
        """Opcode and content of each record, those within chunks included."""
        size = self._path.stat().st_size
        self._read = 0
        with self._path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise ValueError("it doesn't begin as an MCAP file")
            while True:
                self._read = file.tell()
                head = file.read(9)
                if len(head) == 9 and head[0] == DATA_END:
                    return
                length = int.from_bytes(head[1:], "little")
                content = memoryview(file.read(min(length, size)))
                if len(head) == 9 and head[0] == CHUNK:
                    yield from _split(_unpacked(content))
                if len(head) < 9 or len(content) < length:
                    raise ValueError("the file ends within a record")
                if head[0] == 0:
                    raise ValueError("a record of no kind")
                yield head[0], content


_MAGIC = b"\x89MCAP0\r\n"


def number(content: memoryview, at: int, length: int) -> int:
    """An unsigned number of so many bytes."""
    return int.from_bytes(content[at : at + length], "little")


def text_at(content: memoryview, at: int) -> tuple[str, int]:
    """A text with its length before it, and where it ends."""
    end = at + 4 + number(content, at, 4)
    return str(content[at + 4 : end], "utf-8"), end


def _unpacked(chunk: memoryview) -> memoryview:
    """The records of a chunk, as many as its bytes still give."""
    compression, after = text_at(chunk, 28)
    packed = chunk[after + 8 :]
    if compression == "zstd":
        return memoryview(unpacked_zstd(packed))
    if compression == "lz4":
        unpacker = lz4.frame.LZ4FrameDecompressor()
        plain = unpacker.decompress(packed, max_length=LARGEST)
        return memoryview(_believed(plain, whole=unpacker.eof or unpacker.needs_input))
    if compression:
        raise ValueError(f"compression '{compression}' isn't known")
    return packed


def unpacked_zstd(packed: memoryview | bytes) -> bytes:
    """What is in a frame of zstd, as much as its bytes still give.

    Raises:
        zstandard.ZstdError: it is none, or damaged.
        ValueError: it is of more than 1 GiB.

    """
    with zstandard.ZstdDecompressor().stream_reader(packed) as reader:
        parts, size = [], 0
        while part := reader.read(1 << 22):
            size += len(part)
            parts.append(part)
            _believed(part, whole=size <= LARGEST)
    return b"".join(parts)


def _believed(plain: bytes, *, whole: bool) -> bytes:
    if not whole:
        raise ValueError(f"states more than {LARGEST >> 30} GiB of unpacked data")
    return plain


def check_message(received: object, data: object) -> None:
    """Refuse a row of a database that can't be a message, for SQLite takes any type anywhere.

    Raises:
        sqlite3.DatabaseError: it is none.

    """
    if not (isinstance(received, int) and isinstance(data, bytes)):
        raise sqlite3.DatabaseError(
            f"a message is damaged: its time is of type {type(received).__name__}, its data of "
            f"type {type(data).__name__}"
        )


def _split(records: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The whole records; a last one that was cut is left out."""
    at = 0
    while at + 9 <= len(records):
        end = at + 9 + number(records, at + 1, 8)
        if end > len(records):
            return
        yield records[at], records[at + 9 : end]
        at = end


StorageFile = CutDatabase | CutMcap
SUFFIXES: dict[str, type[CutDatabase] | type[CutMcap]] = {".db3": CutDatabase, ".mcap": CutMcap}


def open_storage(path: Path) -> StorageFile:
    """Open one storage file by its suffix.

    Raises:
        StorageError: nothing in it can be read.

    """
    return SUFFIXES[path.suffix](path)
