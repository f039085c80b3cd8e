"""NumPy archives: arrays t, x, y, p of equal length, or one structured array with such fields.

Read piece by piece and without pickles, so that memory is bounded and a file can't run code. Also
read: `width`, `height`, `fine` (ns to add to t), `trigger_t`, `trigger_channel`, `trigger_value`,
`trigger_fine`. Times are us.
"""

from __future__ import annotations

import contextlib
import lzma
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.files.merging import merged
from spikeloop.events.files.source import PIECE, FileError, Piece, Source

FIELDS = ("t", "x", "y", "p")
EDGES = ("trigger_t", "trigger_channel", "trigger_value")
SHIFT = "time_shift_us"
# Kinds of NumPy that a column may be of, by what it holds.
WHOLE, NUMBER = "iu", "iufb"
DAMAGE = (
    *(ValueError, TypeError, LookupError, OverflowError, MemoryError, SyntaxError, RuntimeError),
    *(OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    tokenize.TokenError,
)
"""What a damaged archive raises: headers of arrays, then what is compressed."""
LARGEST_VALUE = 4096
"""Bytes of a single value, such as the shift of the time."""


class NpzSource(Source):
    """An NPZ file."""

    format = "NPZ"

    def __init__(self, path: Path, width: int = 0, height: int = 0) -> None:
        """Look which arrays there are.

        Raises:
            FileError: it is no archive, or lacks one of t, x, y and p.

        """
        super().__init__(path, width, height)
        with self._open() as archive:
            self._names = {n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")}
            if {"width", "height"} <= self._names:
                self.width, self.height = (
                    int(_Array(archive, name).value()) for name in ("width", "height")
                )
            if SHIFT in self._names:
                self.notes[SHIFT] = str(_Array(archive, SHIFT).value())
            self._record = "" if set(FIELDS) <= self._names else self._structured(archive)

    @contextlib.contextmanager
    def _open(self) -> Iterator[zipfile.ZipFile]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                yield archive
        except FileError:
            raise
        except DAMAGE as error:
            raise FileError(f"{self.path}: can't be read as NPZ: {error}") from error

    def _structured(self, archive: zipfile.ZipFile) -> str:
        for name in sorted(self._names):
            if set(FIELDS) <= set(_Array(archive, name).dtype.names or ()):
                return name
        raise ValueError(f"it must hold t, x, y, p, not {', '.join(sorted(self._names)) or 'none'}")

    def pieces(self) -> Iterator[Piece]:
        """All events, each piece with the triggers up to its end."""
        self._counts.clear()
        with self._open() as archive:
            yield from merged(self._events(archive), self._triggers(archive), *self.room)

    def _events(self, archive: zipfile.ZipFile) -> Iterator[Events]:
        if self._record:
            records = _Array(archive, self._record)
            fields = {name: records.dtype.fields[name][0] for name in FIELDS}  # type: ignore[index]
            _check_kinds(fields)
            for part in records.pieces():
                yield self._piece([part[name] for name in FIELDS])
            return
        fine = ("fine",) if "fine" in self._names else ()
        columns = [_Array(archive, name) for name in (*FIELDS, *fine)]
        _check_kinds({column.name: column.dtype for column in columns})
        _check_lengths(columns)
        for parts in zip(*(column.pieces() for column in columns), strict=True):
            yield self._piece(list(parts))

    def _piece(self, columns: list[NDArray[Any]]) -> Events:
        """Events of columns t, x, y, p and perhaps fine."""
        t, x, y, p, *fine = columns
        width, height = self.room
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        events = Events(
            t.astype(np.int64, copy=False),
            x.astype(np.uint16, copy=False),
            y.astype(np.uint16, copy=False),
            (p > 0).astype(np.uint8),
            width,
            height,
            fine[0].astype(np.uint16, copy=False) if fine else None,
        )
        if inside.all():
            return events
        self._counts["events outside"] += int((~inside).sum())
        return events[inside]

    def _triggers(self, archive: zipfile.ZipFile) -> Iterator[Triggers]:
        if "trigger_t" not in self._names:
            return
        fine = ("trigger_fine",) if "trigger_fine" in self._names else ()
        columns = [_Array(archive, name) for name in (*EDGES, *fine)]
        _check_lengths(columns)
        for parts in zip(*(column.pieces() for column in columns), strict=True):
            yield Triggers(
                parts[0].astype(np.int64),
                parts[1].astype(np.uint16),
                (parts[2] > 0).astype(np.uint8),
                parts[3].astype(np.uint16) if fine else None,
            )


class _Array:
    """An array of an archive, of which only the header is read at first.

    Attributes:
        name: what it is called.
        dtype: of its elements.
        shape: as the header states.

    """

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.name, self._file = name, archive.open(f"{name}.npy")
        version = npy.read_magic(self._file)
        readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"{name} is of version {version} of the format, which isn't read")
        self.shape, _, self.dtype = readers[version](self._file)
        if self.dtype.hasobject or not self.dtype.itemsize:
            raise ValueError(f"{name} holds Python objects or nothing, not numbers")

    def value(self) -> Any:
        """Its only element."""
        if self.shape not in ((), (1,)) or self.dtype.itemsize > LARGEST_VALUE:
            raise ValueError(f"{self.name} must be a single value, not {self.shape} of them")
        return np.frombuffer(self._read(1), self.dtype)[0]

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Its elements from the start."""
        count = self.shape[0]
        for begin in range(0, count, PIECE):
            part = min(PIECE, count - begin)
            yield np.frombuffer(self._read(part), self.dtype)

    def _read(self, count: int) -> bytes:
        size = count * self.dtype.itemsize
        data = self._file.read(size)
        if len(data) < size:
            raise ValueError(f"{self.name} ends before the {self.shape} elements that it states")
        return data


def _check_lengths(columns: list[_Array]) -> None:
    shapes = {column.shape for column in columns}
    if len(shapes) != 1 or len(shapes.pop()) != 1:
        named = ", ".join(f"{column.name} {column.shape}" for column in columns)
        raise ValueError(f"columns must be of one length and dimension, not {named}")


def _check_kinds(columns: dict[str, np.dtype[Any]]) -> None:
    for name, dtype in columns.items():
        if dtype.kind not in (NUMBER if name == "p" else WHOLE) or dtype.shape:
            what = "numbers" if name == "p" else "whole numbers (us, pixels, ns)"
            raise ValueError(f"{name} must be {what}, not {dtype}")
