"""Text files: an event a line, four numbers, in whatever order the first lines show.

The layout of the "Event Camera Dataset" (Mueggler et al. 2017, t in s, x, y, p, a first line with
width and height), of Metavision's CSV (x, y, p, t in us), and lines of names (t,x,y,p in any order)
are known by what the first lines hold. A time with a decimal point or an exponent is in seconds,
one without in us. Times are read as decimal numbers, exact to the ns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers, split_nanoseconds
from spikeloop.events.files.source import FileError, Piece, Source

BYTES = 1 << 22
LOOKED_AT = 200
LONGEST = 65_536
"""Bytes of a line."""
NAMES = {
    "t": "t", "ts": "t", "time": "t", "timestamp": "t", "timestamps": "t", "x": "x", "y": "y",
    "p": "p", "pol": "p", "polarity": "p",
}  # fmt: skip
FIELDS = "txyp"
SECONDS, MICROSECONDS = 9, 3
NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


class TextSource(Source):
    """A text file of events."""

    def __init__(self, path: Path, width: int = 0, height: int = 0) -> None:
        """Look at the first lines.

        Raises:
            FileError: they aren't four numbers each.

        """
        super().__init__(path, width, height)
        with path.open("rb") as file:
            start = file.read(1 << 16)
        lines = start.split(b"\n")[: LOOKED_AT + 10]
        if len(start) == 1 << 16:
            lines.pop()
        self._skip = 0
        order = ""
        while lines and not _is_data(lines[0]):
            line = lines.pop(0)
            self._skip += 1
            words = re.split(rb"[\s,;]+", line.strip().lstrip(b"#%").strip().lower())
            names = [NAMES.get(w.decode("latin-1"), "") for w in words]
            if sorted(names) == sorted(FIELDS):
                order = "".join(names)
            elif len(words) == 2 and all(w.isdigit() for w in words):
                self.width, self.height = int(words[0]), int(words[1])
        rows = [re.split(rb"[\s,;]+", line.strip()) for line in lines if _is_data(line)]
        self._order = order or _guessed(path, rows)
        times = [row[self._order.index("t")] for row in rows]
        self._scale = (
            SECONDS if any(re.search(rb"[.e]", t.lower()) for t in times) else MICROSECONDS
        )
        unit = "s" if self._scale == SECONDS else "us"
        self.format = f"text, columns {' '.join(self._order)}, time in {unit}"
        if not order:
            self.notes["columns"] = "by what they hold, for the file doesn't name them"

    def pieces(self) -> Iterator[Piece]:
        """All events from the start."""
        self._counts.clear()
        order = np.array([self._order.index(name) for name in FIELDS], dtype=np.int64)
        rest, line = b"", self._skip
        with self.path.open("rb") as file:
            for _ in range(self._skip):
                file.readline()
            while True:
                data = file.read(BYTES)
                text = rest + data
                end = text.rfind(b"\n") + 1 if data else len(text)
                if not end and len(text) > LONGEST:
                    raise FileError(
                        f"{self.path}: line {line + 1} is longer than {LONGEST} bytes, so it isn't "
                        "four numbers t, x, y, p"
                    )
                rest = text[end:]
                if end:
                    # A last line without its end is a line too.
                    values, lines, bad = _parse(
                        np.frombuffer(text[:end] + b"\n", np.uint8), order, self._scale
                    )
                    if bad:
                        place = f"line {line + bad}"
                        raise FileError(f"{self.path}: {place} is not four numbers t, x, y, p")
                    line += lines
                    yield self._piece(values)
                if not data:
                    return

    def _piece(self, values: NDArray[np.int64]) -> Piece:
        width, height = self.room
        _, x, y, _ = values
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        if not inside.all():
            self._counts["events outside"] += int((~inside).sum())
            values = values[:, inside]
        times, fine = split_nanoseconds(values[0])
        x, y = values[1].astype(np.uint16), values[2].astype(np.uint16)
        events = Events(times, x, y, (values[3] > 0).astype(np.uint8), width, height, fine)
        return events, Triggers.none()


def _is_data(line: bytes) -> bool:
    words = re.split(rb"[\s,;]+", line.strip())
    return len(words) == 4 and all(NUMBER.fullmatch(w) for w in words)


def _guessed(path: Path, rows: list[list[bytes]]) -> str:
    """The order of the columns by where the polarity is."""
    if not rows:
        raise FileError(f"{path}: holds no lines of four numbers")
    values = np.array([[float(word) for word in row] for row in rows])
    for order in ("txyp", "xypt"):
        if np.isin(values[:, order.index("p")], (-1, 0, 1)).all():
            return order
    raise FileError(
        f"{path}: neither the third nor the fourth column is a polarity; "
        "a first line with the names, such as t,x,y,p, tells the order"
    )


@numba.njit(cache=True)
def _number(text: NDArray[np.uint8], i: int, scale: int) -> tuple[int, int, bool]:
    """A decimal number times 10^scale, rounded; the place behind it, and whether it is one."""
    sign, value, digits, shift, exponent, seen = 1, 0, 0, 0, 0, False
    if text[i] == 45 or text[i] == 43:
        sign = -1 if text[i] == 45 else 1
        i += 1
    fraction = False
    while True:
        c = text[i]
        if c == 46 and not fraction:
            fraction = True
        elif 48 <= c <= 57:
            seen = True
            if digits < 18:
                value = 10 * value + (int(c) - 48)
                digits += value > 0
                shift -= fraction
            else:
                shift += not fraction
        else:
            break
        i += 1
    if seen and (text[i] == 101 or text[i] == 69):
        i += 1
        exponent_sign = -1 if text[i] == 45 else 1
        if text[i] == 45 or text[i] == 43:
            i += 1
        while 48 <= text[i] <= 57 and exponent < 1000:
            exponent = 10 * exponent + (int(text[i]) - 48)
            i += 1
        shift += exponent_sign * exponent
    shift += scale
    while shift > 0 and value < 900_000_000_000_000_000 and value:
        value *= 10
        shift -= 1
    if shift > 0 and value:
        seen = False
    while shift < -1 and value:
        value //= 10
        shift += 1
    if shift == -1:
        value = (value + 5) // 10
    return sign * value, i, seen


@numba.njit(cache=True)
def _parse(
    text: NDArray[np.uint8], order: NDArray[np.int64], scale: int
) -> tuple[NDArray[np.int64], int, int]:
    """Values (4, n) of t in ns, x, y, p; the lines read, and the first bad one from 1 on, or 0."""
    lines = 0
    for i in range(len(text)):
        lines += text[i] == 10
    values = np.empty((4, lines), np.int64)
    row = np.empty(4, np.int64)
    n = line = i = 0
    size = len(text)
    while i < size:
        line += 1
        count = 0
        comment = text[i] == 35 or text[i] == 37
        while text[i] != 10:
            c = text[i]
            if comment or c == 32 or c == 9 or c == 13 or c == 44 or c == 59:
                i += 1
                continue
            if count == 4:
                return values, line, line
            value, i, good = _number(text, i, scale if count == order[0] else 0)
            c = text[i]
            if not good or not (c == 10 or c == 32 or c == 9 or c == 13 or c == 44 or c == 59):
                return values, line, line
            row[count] = value
            count += 1
        i += 1
        if count == 4:
            for k in range(4):
                values[k, n] = row[order[k]]
            n += 1
        elif count != 0:
            return values, line, line
    # The line break that was put behind the text isn't one of the file's lines.
    return values[:, :n], line - (text[-2] == 10), 0
