"""NumPy archives: arrays t, x, y, p of equal length, or one structured array with such fields.

Without pickles, so that a file can't run code. Also read: `width`, `height`, `fine` (ns to add to
t), `trigger_t`, `trigger_channel`, `trigger_value`, `trigger_fine`. Times are us.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.files.source import PIECE, FileError, Piece, Source

FIELDS = ("t", "x", "y", "p")
SHIFT = "time_shift_us"


class NpzSource(Source):
    """An NPZ file; its arrays are loaded whole when it is read."""

    format = "NPZ"

    def __init__(self, path: Path, width: int = 0, height: int = 0) -> None:
        """Look which arrays there are.

        Raises:
            FileError: it is no archive, or lacks one of t, x, y and p.

        """
        super().__init__(path, width, height)
        try:
            with np.load(path, allow_pickle=False) as archive:
                self._names = set(archive.files)
                if {"width", "height"} <= self._names:
                    self.width, self.height = int(archive["width"]), int(archive["height"])
                if SHIFT in self._names:
                    self.notes[SHIFT] = str(archive[SHIFT])
                self._record = "" if set(FIELDS) <= self._names else self._structured(archive)
        except (ValueError, OSError, zipfile.BadZipFile, TypeError, EOFError) as error:
            raise FileError(f"{path}: can't be read as NPZ: {error}") from error

    def _structured(self, archive: Any) -> str:
        for name in archive.files:
            if set(FIELDS) <= set(archive[name].dtype.names or ()):
                return str(name)
        raise ValueError(f"it must hold t, x, y, p, not {', '.join(archive.files) or 'nothing'}")

    def pieces(self) -> Iterator[Piece]:
        """All events, the triggers with the last piece."""
        self._counts.clear()
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                source = archive[self._record] if self._record else archive
                t, x, y, p = (np.asarray(source[name]) for name in FIELDS)
                fine = archive["fine"] if "fine" in self._names else None
                triggers = self._triggers(archive)
        except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
            raise FileError(f"{self.path}: can't be read as NPZ: {error}") from error
        columns = [t, x, y, p] if fine is None else [t, x, y, p, fine]
        if any(column.ndim != 1 or len(column) != len(t) for column in columns):
            sizes = ", ".join(str(column.shape) for column in columns)
            raise FileError(f"{self.path}: t, x, y, p must be of one length, not {sizes}")
        for begin in range(0, len(t), PIECE):
            part = slice(begin, begin + PIECE)
            yield self._events(t[part], x[part], y[part], p[part], fine, part), Triggers.none()
        yield Events.none(*self.room), triggers

    def _events(
        self,
        t: NDArray[Any],
        x: NDArray[Any],
        y: NDArray[Any],
        p: NDArray[Any],
        fine: NDArray[Any] | None,
        part: slice,
    ) -> Events:
        if t.dtype.kind not in "iu" or {x.dtype.kind, y.dtype.kind} - set("iu"):
            raise FileError(
                f"{self.path}: t, x and y must be whole numbers (us, pixels), not "
                f"{t.dtype}, {x.dtype} and {y.dtype}"
            )
        width, height = self.room
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        events = Events(
            t.astype(np.int64),
            x.astype(np.uint16),
            y.astype(np.uint16),
            (p > 0).astype(np.uint8),
            width,
            height,
            None if fine is None else fine[part].astype(np.uint16),
        )
        if inside.all():
            return events
        self._counts["events outside"] += int((~inside).sum())
        return events[inside]

    def _triggers(self, archive: Any) -> Triggers:
        if "trigger_t" not in self._names:
            return Triggers.none()
        fine = archive["trigger_fine"] if "trigger_fine" in self._names else None
        return Triggers(
            archive["trigger_t"].astype(np.int64),
            archive["trigger_channel"].astype(np.uint16),
            archive["trigger_value"].astype(np.uint8),
            fine,
        )
