"""Prophesee DAT files: a header of text, two bytes of type and size, then records of 8 bytes.

A record is 32 bits of time in us and 32 bits of address (Metavision documentation, "DAT files"):
14 bits of column, 14 bits of row, the polarity; in version 1 it is 9, 8 and 1. The time rolls over
every 71.6 minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.files.prophesee_header import read_header
from spikeloop.events.files.source import PIECE, FileError, Piece, Source

EVENT_2D, EVENT_CD = 0, 12
RECORD = np.dtype([("t", "<u4"), ("address", "<u4")])
ROLL_OVER = 1 << 32


class DatSource(Source):
    """A DAT file of events."""

    def __init__(self, path: Path, width: int = 0, height: int = 0) -> None:
        """Read the header.

        Raises:
            FileError: it holds something other than events.

        """
        super().__init__(path, width, height)
        header = read_header(path)
        self._start = header.length
        if header.fields:
            with path.open("rb") as file:
                file.seek(header.length)
                kind = file.read(2)
            if len(kind) < 2:
                raise FileError(f"{path}: ends at byte {header.length + len(kind)}, in its header")
            if kind[0] not in (EVENT_2D, EVENT_CD) or kind[1] != RECORD.itemsize:
                raise FileError(
                    f"{path}: holds records of type {kind[0]} and {kind[1]} bytes; "
                    "only events (type 0 or 12, 8 bytes) are read"
                )
            self._start += 2
        if header.width:
            self.width, self.height = header.width, header.height
        self._version = 1 if header.fields.get("version") == "1" else 2
        self.format = f"Prophesee DAT, version {self._version}"

    def pieces(self) -> Iterator[Piece]:
        """All events from the start."""
        self._counts.clear()
        over = last = 0
        with self.path.open("rb") as file:
            file.seek(self._start)
            while data := file.read(PIECE * RECORD.itemsize):
                whole = len(data) - len(data) % RECORD.itemsize
                if whole < len(data):
                    self._counts["bytes of a cut record at the end"] = len(data) - whole
                records = np.frombuffer(data[:whole], RECORD)
                times = records["t"].astype(np.int64)
                if not len(times):
                    continue
                # Back by more than half the range is a roll-over.
                steps = np.diff(times, prepend=last) < -ROLL_OVER // 2
                last = int(times[-1])
                times += over + ROLL_OVER * np.cumsum(steps)
                over += ROLL_OVER * int(steps.sum())
                yield self._outside(self._events(times, records["address"])), Triggers.none()

    def _events(self, times: NDArray[np.int64], address: NDArray[np.uint32]) -> Events:
        row, polarity, mask = (9, 17, 0xFF) if self._version == 1 else (14, 28, 0x3FFF)
        x = (address & ((1 << row) - 1)).astype(np.uint16)
        y = ((address >> np.uint32(row)) & mask).astype(np.uint16)
        p = ((address >> np.uint32(polarity)) & 1).astype(np.uint8)
        return Events(times, x, y, p, *self.room)
