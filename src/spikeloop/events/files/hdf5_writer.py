"""Writes HDF5 as DSEC lays it out, with the sensor's size, triggers and times below a us beside.

`t` counts from `t_offset` on, which is the first time; `ms_to_idx` gives the first event of each
millisecond. Compressed by gzip, which every HDF5 can undo.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.files.writer import Writer

CHUNK = 1 << 16
MOST_MS = 100_000_000
"""A recording of more milliseconds (28 h) gets no index."""


class Hdf5Writer(Writer):
    """An HDF5 file."""

    keeps_fine = True

    def __init__(self, path: Path, width: int, height: int, notes: dict[str, str]) -> None:
        """Begin it.

        Raises:
            OSError: it can't be written.

        """
        super().__init__(path, width, height, notes)
        self._file = h5py.File(path, "w")
        self._file.attrs.update(notes)
        group = self._file.create_group("events")
        group.attrs.update({"width": width, "height": height})
        for name, kind in (("t", "i8"), ("x", "u2"), ("y", "u2"), ("p", "u1")):
            self._create(f"events/{name}", kind)
        for name, kind in (("t", "i8"), ("channel", "u2"), ("value", "u1")):
            self._create(f"triggers/{name}", kind)
        self._offset: int | None = None
        self._index: list[NDArray[np.int64]] = []
        self._newest, self._count = -1, 0

    def _create(self, name: str, kind: str) -> h5py.Dataset:
        return self._file.create_dataset(
            name, (0,), kind, maxshape=(None,), chunks=(CHUNK,), compression=1, shuffle=True
        )

    def _write(self, events: Events, triggers: Triggers) -> None:
        if self._offset is None:
            self._offset = min(int(part.t[0]) for part in (events, triggers) if len(part))
        for group, part in (("events", events), ("triggers", triggers)):
            had = len(self._file[f"{group}/t"])
            if part.fine is not None and f"{group}/fine" not in self._file:
                self._create(f"{group}/fine", "u2").resize((had,))
        t = events.t - self._offset
        self._note_milliseconds(t)
        for name, column in (("t", t), ("x", events.x), ("y", events.y), ("p", events.p)):
            self._append(f"events/{name}", column)
        self._append("triggers/t", triggers.t - self._offset)
        self._append("triggers/channel", triggers.channel)
        self._append("triggers/value", triggers.value)
        for group, part in (("events", events), ("triggers", triggers)):
            if f"{group}/fine" in self._file:
                zeros = np.zeros(len(part), np.uint16)
                self._append(f"{group}/fine", zeros if part.fine is None else part.fine)

    def _append(self, name: str, column: NDArray[Any]) -> None:
        dataset = self._file[name]
        had = len(dataset)
        dataset.resize((had + len(column),))
        dataset[had:] = column

    def _note_milliseconds(self, t: NDArray[np.int64]) -> None:
        """The first events of the milliseconds that begin in this piece."""
        if not len(t):
            return
        newest = int(t.max()) // 1000
        if newest > self._newest and newest < MOST_MS:
            # Where times fall, the newest so far counts, so that the index rises.
            rising = np.maximum.accumulate(t)
            wanted = 1000 * np.arange(self._newest + 1, newest + 1)
            self._index.append(np.searchsorted(rising, wanted) + self._count)
            self._newest = newest
        self._count += len(t)

    def close(self) -> None:
        """Finish the file."""
        index = np.concatenate([np.empty(0, np.int64), *self._index])
        self._file.create_dataset("ms_to_idx", data=index.astype("u8"))
        self._file.create_dataset("t_offset", data=np.int64(self._offset or 0))
        self._file.close()
