"""AEDAT 2.0, the files of jAER: lines of text, then addresses and times in us, big-endian.

The address of a DAVIS has row, column and polarity in bits 22, 12 and 11, with bit 31 for frames
and inertial data and bit 10 for external edges; that of a DVS128 has them in bits 8, 1 and 0, the
polarity inverted (jAER, classes DavisChip and DVS128). Columns and rows are kept as the sensor
addresses them; jAER's display mirrors the columns. The signed 32-bit time rolls over every 71.6
minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.files.source import PIECE, FileError, Piece, Source

MAGIC = b"#!AER-DAT"
RECORD = np.dtype([("address", ">u4"), ("t", ">u4")])
ROLL_OVER = 1 << 32
SIZES = {"DAVIS240": (240, 180), "DAVIS346": (346, 260), "DAVIS640": (640, 480)}


class Aedat2Source(Source):
    """An AEDAT 2.0 file of a DAVIS or a DVS128."""

    def __init__(self, path: Path, width: int = 0, height: int = 0) -> None:
        """Read the header.

        Raises:
            FileError: it is of another version.

        """
        super().__init__(path, width, height)
        lines, self._start = _header(path)
        if not lines[0].startswith(MAGIC + b"2."):
            raise FileError(f"{path}: is no AEDAT 2.0 file but {lines[0].decode('latin-1')!r}")
        text = b"\n".join(lines).decode("latin-1").upper()
        chip = next((name for name in SIZES if name in text), "")
        self._is_dvs128 = "DVS128" in text
        if self._is_dvs128:
            self.width, self.height = 128, 128
        elif chip:
            self.width, self.height = SIZES[chip]
        else:
            self.notes["chip"] = "not stated, taken for a DAVIS"
        self.format = f"AEDAT 2.0, {'DVS128' if self._is_dvs128 else chip or 'DAVIS'}"

    def pieces(self) -> Iterator[Piece]:
        """All events and external edges from the start; frames and inertial data are counted."""
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
                steps = np.diff(times, prepend=last) < -ROLL_OVER // 2
                last = int(times[-1])
                times += over + ROLL_OVER * np.cumsum(steps)
                over += ROLL_OVER * int(steps.sum())
                yield self._piece(times, records["address"].astype(np.uint32))

    def _piece(self, times: NDArray[np.int64], address: NDArray[np.uint32]) -> Piece:
        if self._is_dvs128:
            edge, event = address & 0x8000 != 0, address & 0x8000 == 0
            row, column, polarity, mask = 8, 1, 0, 0x7F
        else:
            event = address & 0x80000400 == 0
            edge = address & 0x80000400 == 0x400
            self._counts["words of frames and inertial data"] += int((address >> 31).sum())
            row, column, polarity, mask = 22, 12, 11, 0x3FF
        words = address[event]
        x = ((words >> np.uint32(column)) & mask).astype(np.uint16)
        y = ((words >> np.uint32(row)) & (mask >> (not self._is_dvs128))).astype(np.uint16)
        p = ((words >> np.uint32(polarity)) & 1).astype(np.uint8)
        if self._is_dvs128:
            p = 1 - p
        events = self._outside(Events(times[event], x, y, p, *self.room))
        count = int(edge.sum())
        rising = np.ones(count, np.uint8)
        return events, Triggers(times[edge], np.zeros(count, np.uint16), rising)


def _header(path: Path) -> tuple[list[bytes], int]:
    """The lines, and where the data begins."""
    with path.open("rb") as file:
        start = file.read(65_536)
    lines: list[bytes] = []
    at = 0
    while start[at : at + 1] == b"#":
        end = start.find(b"\n", at)
        if end < 0:
            raise FileError(f"{path}: ends at byte {len(start)}, within its header")
        lines.append(start[at:end].rstrip(b"\r"))
        at = end + 1
    if not lines:
        raise FileError(f"{path}: doesn't begin as an AEDAT file")
    return lines, at
