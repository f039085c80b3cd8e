"""Opens any event file, by what it begins with and what it is called."""

from __future__ import annotations

import importlib
from pathlib import Path

from spikeloop.events.files.source import FileError, Source

# By what files begin with. Modules are loaded when they are needed: HDF5 alone costs 0.2 s.
MAGIC = {
    b"\x89HDF\r\n\x1a\n": ("hdf5", "Hdf5Source"),
    b"#!AER-DAT4": ("aedat4", "Aedat4Source"),
    b"#!AER-DAT": ("aedat2", "Aedat2Source"),
    b"PK\x03\x04": ("npz", "NpzSource"),
    b"SQLite format 3": ("bag", "BagSource"),
    b"\x89MCAP0\r\n": ("bag", "BagSource"),
    b"#ROSBAG V": ("bag", "BagSource"),
}
SUFFIXES = {
    ".raw": ("raw", "RawSource"),
    ".dat": ("dat", "DatSource"),
    ".aedat": ("aedat2", "Aedat2Source"),
    ".aedat4": ("aedat4", "Aedat4Source"),
    ".h5": ("hdf5", "Hdf5Source"),
    ".hdf5": ("hdf5", "Hdf5Source"),
    ".npz": ("npz", "NpzSource"),
    ".txt": ("text", "TextSource"),
    ".csv": ("text", "TextSource"),
    ".db3": ("bag", "BagSource"),
    ".mcap": ("bag", "BagSource"),
    ".bag": ("bag", "BagSource"),
    ".zstd": ("bag", "BagSource"),
}


LARGEST = 32_768
"""Columns and rows of a sensor that a file may state."""


def open_source(path: Path, *, topic: str = "", width: int = 0, height: int = 0) -> Source:
    """Open an event file, or the folder of a rosbag2 recording.

    Args:
        path: where it is.
        topic: which topic of a bag, where there are several.
        width: columns of the sensor, for files that don't state them.
        height: rows likewise.

    Raises:
        RecordingError: there is no such file, or it can't be read; the message says why.

    """
    module, name = ("bag", "BagSource") if path.is_dir() else _kind(path)
    kind: type[Source] = getattr(importlib.import_module(f"spikeloop.events.files.{module}"), name)
    try:
        source = kind(path, width, height, *([topic] if module == "bag" else []))
    except OSError as error:
        raise FileError(f"{path}: can't be opened: {error.strerror or error}") from error
    size = (source.width, source.height)
    if size != (0, 0) and not (min(size) > 0 and max(size) <= LARGEST):
        raise FileError(f"{path}: states an impossible sensor of {size[0]}x{size[1]}")
    return source


def _kind(path: Path) -> tuple[str, str]:
    if not path.exists():
        raise FileError(f"{path}: no such file")
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise FileError(f"{path}: can't be opened: {error.strerror}") from error
    if not start:
        raise FileError(f"{path}: is empty")
    for magic, kind in MAGIC.items():
        if start.startswith(magic):
            return kind
    if start.startswith(b"%"):
        # RAW and DAT share the form of their header.
        is_dat = b"% Data file" in start or path.suffix.lower() == ".dat"
        return ("dat", "DatSource") if is_dat else ("raw", "RawSource")
    if path.suffix.lower() in SUFFIXES:
        return SUFFIXES[path.suffix.lower()]
    raise FileError(
        f"{path}: can't be opened as an event file: neither what it begins with nor its name is "
        f"known; there are: folders of rosbag2, {', '.join(SUFFIXES)}"
    )
