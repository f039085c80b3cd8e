"""AEDAT 4.0, the files of iniVation's DV: packets of events, frames, inertial data and triggers.

A line of magic, a FlatBuffers header with an XML text that describes the streams, then packets of
a stream's number, a length and a (compressed) FlatBuffers table (iniVation, "AEDAT file formats").
All times are us since the epoch, of one clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.files.flatbuffer import OutsideError, Table
from spikeloop.events.files.source import FileError, Piece, Source

MAGIC = b"#!AER-DAT4.0\r\n"
EVENT = np.dtype({"names": ["t", "x", "y", "p"], "formats": ["<i8", "<i2", "<i2", "u1"],
                  "offsets": [0, 8, 10, 12], "itemsize": 16})  # fmt: skip
NONE, LZ4, LZ4_HIGH, ZSTD, ZSTD_HIGH = range(5)
LARGEST_PACKET = 1 << 28
# Channels and type of the pixels, by OpenCV's numbers, which frames carry.
PIXELS = {0: (1, "u1"), 8: (2, "u1"), 16: (3, "u1"), 24: (4, "u1"), 2: (1, "<u2"), 18: (3, "<u2"),
          26: (4, "<u2")}  # fmt: skip
GRAVITY = 9.80665


@dataclass(frozen=True)
class Frame:
    """A picture of the camera.

    Attributes:
        t: us, the middle of the exposure.
        begin, end: us, of the exposure; 0 where the file doesn't say.
        pixels: (height, width) or (height, width, channels), uint8 or uint16; colour is BGR.

    """

    t: int
    begin: int
    end: int
    pixels: NDArray[Any]


@dataclass(frozen=True)
class Inertial:
    """Samples of the camera's inertial unit.

    Attributes:
        t: (n,) int64, us.
        acceleration: (n, 3) float64, m/s^2.
        rate: (n, 3) float64, rad/s.
        temperature: (n,) float64, degrees Celsius.

    """

    t: NDArray[np.int64]
    acceleration: NDArray[np.float64]
    rate: NDArray[np.float64]
    temperature: NDArray[np.float64]


class Aedat4Source(Source):
    """An AEDAT 4.0 file."""

    def __init__(self, path: Path, width: int = 0, height: int = 0) -> None:
        """Read the header.

        Raises:
            FileError: it is damaged, or compressed in a way that isn't known.

        """
        super().__init__(path, width, height)
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise FileError(f"{path}: doesn't begin as an AEDAT 4.0 file")
            length = file.read(4)
            size = int.from_bytes(length, "little")
            content = file.read(min(size, LARGEST_PACKET))
            self._start = file.tell()
        if len(content) < size or size < 8:
            raise FileError(f"{path}: ends at byte {self._start}, within its header")
        try:
            header = Table.root(memoryview(length + content), sized=True)
            self._compression = header.integer(0, "<i")
            self._end = header.integer(1, "<q", -1)
            self._streams = _streams(str(header.bytes(2), "utf-8"))
        except (OutsideError, ElementTree.ParseError, UnicodeDecodeError, ValueError) as error:
            raise FileError(f"{path}: the header is damaged: {error}") from error
        if not NONE <= self._compression <= ZSTD_HIGH:
            raise FileError(f"{path}: compression {self._compression} isn't known")
        for kind, columns, rows in self._streams.values():
            if kind == "EVTS" and columns and rows:
                self.width, self.height = columns, rows
        names = ("none", "LZ4", "LZ4", "zstd", "zstd")
        self.format = f"AEDAT 4.0, compression {names[self._compression]}"
        self.notes["streams"] = ", ".join(s[0] for s in self._streams.values())
        others = {"FRME": "frames", "IMUS": "inertial samples"}
        kinds = [stream[0] for stream in self._streams.values()]
        self.others = tuple(name for kind, name in others.items() if kind in kinds)
        self.notes["clock"] = "us since the epoch"

    def pieces(self) -> Iterator[Piece]:
        """Events and triggers, packet by packet."""
        self._counts.clear()
        none = Events.none(*self.room)
        for kind, table in self._tables():
            if kind == "EVTS":
                records = np.frombuffer(table.bytes(0, EVENT.itemsize), EVENT)
                x, y = records["x"].astype(np.uint16), records["y"].astype(np.uint16)
                t, p = records["t"].astype(np.int64), (records["p"] != 0).astype(np.uint8)
                yield self._outside(Events(t, x, y, p, *self.room)), Triggers.none()
            elif kind == "TRIG":
                rows = table.tables(0)
                t = np.array([row.integer(0, "<q") for row in rows], dtype=np.int64)
                channel = np.array([row.integer(1, "<b") for row in rows], dtype=np.uint16)
                yield none, Triggers(t, channel, np.ones(len(rows), np.uint8))

    def frames(self) -> Iterator[Frame]:
        """The pictures; those of unknown pixels are counted and left out."""
        for kind, table in self._tables():
            if kind == "FRME":
                frame = self._frame(table)
                if frame is not None:
                    yield frame

    def inertial(self) -> Iterator[Inertial]:
        """The inertial samples in SI units, packet by packet."""
        for kind, table in self._tables():
            if kind == "IMUS":
                rows = table.tables(0)
                values = np.array(
                    [[row.number(field, "<f") for field in range(1, 8)] for row in rows]
                ).reshape(-1, 7)
                yield Inertial(
                    np.array([row.integer(0, "<q") for row in rows], dtype=np.int64),
                    values[:, 1:4] * GRAVITY,
                    np.radians(values[:, 4:7]),
                    values[:, 0],
                )

    def _frame(self, table: Table) -> Frame | None:
        code = table.integer(5, "<b")
        columns, rows = table.integer(6, "<h"), table.integer(7, "<h")
        data = table.bytes(10)
        if code not in PIXELS:
            self._counts[f"frames of unknown pixels ({code})"] += 1
            return None
        channels, kind = PIXELS[code]
        if columns * rows * channels * np.dtype(kind).itemsize != len(data):
            self._counts["frames of the wrong length"] += 1
            return None
        shape = (rows, columns) if channels == 1 else (rows, columns, channels)
        pixels = np.frombuffer(data, kind).reshape(shape)
        begin, end = table.integer(3, "<q"), table.integer(4, "<q")
        return Frame(table.integer(0, "<q"), begin, end, pixels)

    def _tables(self) -> Iterator[tuple[str, Table]]:
        """Kind of stream and table of each packet; those of unknown streams are counted."""
        count = 0
        with self.path.open("rb") as file:
            file.seek(self._start)
            while self._end < 0 or file.tell() < self._end:
                at = file.tell()
                packet = self._packet(file, count)
                if packet is None:
                    return
                stream, data = packet
                count += 1
                kind = self._streams.get(stream, ("", 0, 0))[0]
                if kind not in ("EVTS", "TRIG", "FRME", "IMUS"):
                    self._counts[f"packets of stream {stream} ({kind or 'not described'})"] += 1
                    continue
                try:
                    yield kind, Table.root(memoryview(data), sized=True)
                except OutsideError as error:
                    raise FileError(
                        f"{self.path}: packet {count} at byte {at} is damaged: {error}"
                    ) from error

    def _packet(self, file: BinaryIO, count: int) -> tuple[int, bytes] | None:
        at, head = file.tell(), file.read(8)
        if not head:
            return None
        size = int.from_bytes(head[4:], "little", signed=True)
        data = file.read(size) if 0 <= size <= LARGEST_PACKET and len(head) == 8 else b""
        if len(data) != size or len(head) < 8:
            raise FileError(
                f"{self.path}: breaks off after {count} packets, at byte {at} of "
                f"{self.path.stat().st_size}"
            )
        try:
            return int.from_bytes(head[:4], "little", signed=True), self._unpacked(data)
        except (RuntimeError, ValueError, MemoryError) as error:
            raise FileError(
                f"{self.path}: packet {count + 1} at byte {at} is damaged: {error}"
            ) from error

    def _unpacked(self, data: bytes) -> bytes:
        if self._compression in (LZ4, LZ4_HIGH):
            import lz4.frame

            out: bytes = lz4.frame.LZ4FrameDecompressor().decompress(data, LARGEST_PACKET)
            return out
        if self._compression in (ZSTD, ZSTD_HIGH):
            import zstandard

            try:
                with zstandard.ZstdDecompressor().stream_reader(data) as reader:
                    return reader.read(LARGEST_PACKET)
            except zstandard.ZstdError as error:
                raise ValueError(str(error)) from error
        return data


def _streams(text: str) -> dict[int, tuple[str, int, int]]:
    """Kind, width and height of each stream in the header's XML."""
    found = {}
    for node in ElementTree.fromstring(text).iter("node"):
        if not node.get("name", "").isdecimal():
            continue
        values = {a.get("key"): (a.text or "") for a in node.iter("attr")}
        found[int(node.get("name", ""))] = (
            values.get("typeIdentifier", ""),
            int(values.get("sizeX", "0")),
            int(values.get("sizeY", "0")),
        )
    return found
