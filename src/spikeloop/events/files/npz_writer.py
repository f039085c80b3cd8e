"""Writes NumPy archives of columns, in bounded memory."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.files.writer import Writer

KINDS = {
    "t": "<i8", "x": "<u2", "y": "<u2", "p": "u1", "fine": "<u2", "trigger_t": "<i8",
    "trigger_channel": "<u2", "trigger_value": "u1", "trigger_fine": "<u2",
}  # fmt: skip


class NpzWriter(Writer):
    """An NPZ file; each column waits in a temporary file until the archive is put together."""

    keeps_fine = True

    def __init__(self, path: Path, width: int, height: int, notes: dict[str, str]) -> None:
        """Begin the columns.

        Raises:
            OSError: the file can't be written.

        """
        super().__init__(path, width, height, notes)
        path.open("wb").close()
        self._spools: dict[str, IO[bytes]] = {
            name: tempfile.TemporaryFile()  # noqa: SIM115
            for name in KINDS
        }
        self._has_fine = {"fine": False, "trigger_fine": False}

    def _write(self, events: Events, triggers: Triggers) -> None:
        for name in ("t", "x", "y", "p"):
            self._put(name, getattr(events, name))
        for name in ("t", "channel", "value"):
            self._put(f"trigger_{name}", getattr(triggers, name))
        for name, part in (("fine", events), ("trigger_fine", triggers)):
            self._has_fine[name] |= part.fine is not None
            self._put(name, np.zeros(len(part), "<u2") if part.fine is None else part.fine)

    def _put(self, name: str, column: NDArray[Any]) -> None:
        self._spools[name].write(np.ascontiguousarray(column, KINDS[name]).tobytes())

    def close(self) -> None:
        """Put the archive together."""
        with zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, spool in self._spools.items():
                if self._has_fine.get(name, True):
                    kind = np.dtype(KINDS[name])
                    shape = (spool.tell() // kind.itemsize,)
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        _header(member, kind, shape)
                        spool.seek(0)
                        shutil.copyfileobj(spool, member)
                spool.close()
            for name, value in (("width", self.width), ("height", self.height)):
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, np.array(value))
            for name, text in self.notes.items():
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, np.array(text))


def _header(member: IO[bytes], kind: np.dtype[Any], shape: tuple[int, ...]) -> None:
    facts = {"descr": kind.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(member, facts)
