"""HDF5 files as DSEC lays them out and as Metavision does.

DSEC: group `events` with t, x, y, p, and `t_offset`, us, which makes the times absolute (Gehrig et
al., "DSEC", 2021). Ours is that with attributes `width` and `height`, and optionally `events/fine`
and `triggers`. Metavision: `CD/events` and `EXT_TRIGGER/events` as records, compressed by ECF,
which is decoded here. A filter that can't be undone is an error that names it; h5py alone would
give zeros or nothing for some.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.files import ecf
from spikeloop.events.files.merging import merged
from spikeloop.events.files.source import PIECE, FileError, Piece, Source

with contextlib.suppress(ImportError):
    # Registers the filters of blosc, zstd and others, if it is there.
    import hdf5plugin  # noqa: F401

SHIFT = "time_shift_us"
COLUMNS = ("t", "x", "y", "p")
ATTRIBUTE_S = 10.0
_READ_ATTRIBUTE = """
import sys, h5py
text = h5py.File(sys.argv[1], "r").attrs[sys.argv[2]]
sys.stdout.buffer.write(text if isinstance(text, bytes) else str(text).encode("utf-8", "replace"))
"""


class Hdf5Source(Source):
    """An HDF5 file of events."""

    def __init__(self, path: Path, width: int = 0, height: int = 0) -> None:
        """Look at its layout.

        Raises:
            FileError: it has another layout, or is compressed by a filter that isn't there.

        """
        super().__init__(path, width, height)
        with self._open() as file:
            try:
                self._look(file)
            except KeyError as error:
                raise FileError(f"{path}: is damaged: {error}") from error

    @contextlib.contextmanager
    def _open(self) -> Iterator[h5py.File]:
        try:
            with h5py.File(self.path, "r") as file:
                yield file
        except (OSError, RuntimeError) as error:
            raise FileError(f"{self.path}: can't be read as HDF5: {error}") from error

    def _look(self, file: h5py.File) -> None:
        if isinstance(file.get("CD/events"), h5py.Dataset):
            self._layout, used = "metavision", [file["CD/events"]]
            if "EXT_TRIGGER/events" in file:
                used.append(file["EXT_TRIGGER/events"])
            self.format = "HDF5, Metavision"
        elif all(isinstance(file.get(f"events/{c}"), h5py.Dataset) for c in COLUMNS):
            self._layout, used = "dsec", [file[f"events/{c}"] for c in COLUMNS]
            self.format = "HDF5, DSEC"
        else:
            listed: list[str] = []
            file.visit(listed.append)
            raise FileError(
                f"{self.path}: holds neither events/t, x, y, p nor CD/events; "
                f"it holds {', '.join(listed[:20]) or 'nothing'}"
            )
        for dataset in used:
            self._check_filters(dataset)
        geometry = self._text_attribute(file, "geometry")
        columns, _, rows = geometry.partition("x")
        if columns.isdecimal() and rows.isdecimal():
            self.width, self.height = int(columns), int(rows)
        for place in (file, file.get("events")):
            if place is not None and {"width", "height"} <= set(place.attrs):
                self.width, self.height = int(place.attrs["width"]), int(place.attrs["height"])
        if SHIFT in file.attrs:
            self.notes[SHIFT] = self._text_attribute(file, SHIFT)
        self._offset = int(file["t_offset"][()]) if "t_offset" in file else 0
        if "t_offset" in file:
            self.notes["clock"] = f"absolute: t_offset of {self._offset} us is added"

    def _text_attribute(self, file: h5py.File, name: str) -> str:
        """An attribute as text, empty where there is none; a long one is read by a child process.

        Texts without a fixed length lie in a heap, and over a damaged heap HDF5's library can loop
        without end, where nothing in this process could stop it.
        """
        if name not in file.attrs:
            return ""
        kind = h5py.check_string_dtype(file.attrs.get_id(name).dtype)
        if kind is None or kind.length is not None:
            return str(_text(file.attrs[name]))
        command = [sys.executable, "-c", _READ_ATTRIBUTE, str(self.path), name]
        try:
            done = subprocess.run(command, capture_output=True, timeout=ATTRIBUTE_S, check=True)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            raise FileError(f"{self.path}: is damaged: attribute {name} can't be read") from error
        return done.stdout.decode("utf-8", "replace")

    def _check_filters(self, dataset: h5py.Dataset) -> None:
        plist = dataset.id.get_create_plist()
        for k in range(plist.get_nfilters()):
            number, _, _, name = plist.get_filter(k)
            known = h5py.h5z.filter_avail(number)
            if number == ecf.FILTER and plist.get_nfilters() == 1:
                continue
            if not known:
                raise FileError(
                    f"{self.path}: {dataset.name} is compressed by filter {number} "
                    f"({_text(name) or 'unnamed'}), which isn't there; "
                    "`pip install hdf5plugin` brings the common ones"
                )

    def pieces(self) -> Iterator[Piece]:
        """All events, each piece with the triggers up to its end."""
        self._counts.clear()
        with self._open() as file:
            is_dsec = self._layout == "dsec"
            events = self._columns(file["events"]) if is_dsec else self._metavision(file)
            yield from merged(events, self._triggers(file), *self.room)

    def _metavision(self, file: h5py.File) -> Iterator[Events]:
        for t, x, y, p in self._records(file["CD/events"]):
            yield self._events(t, x, y, p, None)

    def _columns(self, group: h5py.Group) -> Iterator[Events]:
        lengths = {len(group[c]) for c in COLUMNS}
        if len(lengths) != 1:
            raise FileError(f"{self.path}: events/t, x, y, p are of lengths {sorted(lengths)}")
        fine = group.get("fine")
        for begin in range(0, lengths.pop(), PIECE):
            part = slice(begin, begin + PIECE)
            t, x, y, p = (group[c][part] for c in COLUMNS)
            if t.dtype.kind not in "iu":
                raise FileError(f"{self.path}: events/t must be whole us, not {t.dtype}")
            rest = None if fine is None else fine[part].astype(np.uint16)
            yield self._events(t.astype(np.int64) + self._offset, x, y, p, rest)

    def _records(self, dataset: h5py.Dataset) -> Iterator[tuple[NDArray[Any], ...]]:
        plist = dataset.id.get_create_plist()
        is_ecf = plist.get_nfilters() == 1 and plist.get_filter(0)[0] == ecf.FILTER
        if not is_ecf:
            for begin in range(0, len(dataset), PIECE):
                records = dataset[begin : begin + PIECE]
                yield tuple(records[name] for name in COLUMNS)
            return
        length, step = len(dataset), dataset.chunks[0]
        for begin in range(0, length, step):
            mask, data = dataset.id.read_direct_chunk((begin,))
            if mask:
                records = np.frombuffer(data, dataset.dtype)
                columns = tuple(records[name] for name in COLUMNS)
            else:
                try:
                    columns = ecf.decode(data)
                except ecf.EcfError as error:
                    raise FileError(
                        f"{self.path}: {dataset.name}, event {begin}: {error}"
                    ) from error
            wanted = min(step, length - begin)
            if len(columns[0]) < wanted:
                raise FileError(
                    f"{self.path}: {dataset.name}, event {begin}: a chunk of {len(columns[0])} "
                    f"events, not {wanted}"
                )
            yield tuple(column[:wanted] for column in columns)

    def _events(
        self,
        t: NDArray[Any],
        x: NDArray[Any],
        y: NDArray[Any],
        p: NDArray[Any],
        fine: NDArray[np.uint16] | None,
    ) -> Events:
        times, polarity = t.astype(np.int64, copy=False), (p > 0).astype(np.uint8)
        x, y = x.astype(np.uint16, copy=False), y.astype(np.uint16, copy=False)
        return self._outside(Events(times, x, y, polarity, *self.room, fine))

    def _triggers(self, file: h5py.File) -> Iterator[Triggers]:
        if self._layout == "dsec" and "triggers/t" in file:
            group = file["triggers"]
            names = ("t", "channel", "value", *(("fine",) if "fine" in group else ()))
            for begin in range(0, len(group["t"]), PIECE):
                t, channel, value, *fine = (group[name][begin : begin + PIECE] for name in names)
                yield Triggers(
                    t.astype(np.int64) + self._offset,
                    channel.astype(np.uint16),
                    (value > 0).astype(np.uint8),
                    fine[0].astype(np.uint16) if fine else None,
                )
        elif self._layout == "metavision" and "EXT_TRIGGER/events" in file:
            dataset = file["EXT_TRIGGER/events"]
            for begin in range(0, len(dataset), PIECE):
                records = dataset[begin : begin + PIECE]
                yield Triggers(
                    records["t"].astype(np.int64),
                    records["id"].astype(np.uint16),
                    (records["p"] > 0).astype(np.uint8),
                )


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
