"""What the readers of data sets share: errors that name file and field, pictures, names, text."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

NUMBER = re.compile(r"(\d+)")
UNFIT = {"I": "32-bit whole numbers", "F": "floating-point numbers"}
"""Modes of Pillow of which nothing tells how bright white is."""


class DatasetError(ValueError):
    """A data set isn't laid out as it should be; the message names file and field."""


def need_folder(path: Path, what: str) -> Path:
    """The folder itself.

    Raises:
        DatasetError: it isn't there; `what` says what was looked for.

    """
    if not path.is_dir():
        raise DatasetError(f"{path}: no such folder, where {what} should be")
    return path


def need_file(path: Path, what: str) -> Path:
    """The file itself.

    Raises:
        DatasetError: it isn't there; `what` says what was looked for.

    """
    if not path.is_file():
        raise DatasetError(f"{path}: no such file, where {what} should be")
    return path


def natural_order(file: Path) -> list[tuple[int, str]]:
    """Sorts by a file's name, its numbers as numbers: 9.png before 10.png; folders don't count."""
    parts = NUMBER.split(file.name)
    key = [(int(part), "") if place % 2 else (0, part) for place, part in enumerate(parts)]
    # 1 and 01 are one number; the name itself keeps their order from being left to chance. With
    # -1 it comes before any number, so that a shorter name comes before a longer one.
    return [*key, (-1, file.name)]


def folders_by_name(path: Path, folders: Iterable[Path]) -> dict[str, Path]:
    """Folders by their names; those that share one by their paths below a folder, such as a/x.

    Args:
        path: folder of all.
        folders: at or below it.

    """
    listed = sorted(folders)
    count = Counter(folder.name for folder in listed)
    found = {}
    for folder in listed:
        below = folder.relative_to(path).as_posix()
        found[folder.name if count[folder.name] == 1 else below] = folder
    return found


def read_text(path: Path) -> str:
    """What a text file holds.

    Raises:
        DatasetError: it can't be read, or isn't UTF-8.

    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"{path}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path}: must be text in UTF-8, but byte {error.start} isn't; save it as such"
        ) from error


def read_picture(path: Path, kind: type[Any], channels: int, what: str) -> NDArray[Any]:
    """A picture as it is stored, (h, w) or (h, w, channels) in the order red, green, blue.

    Args:
        path: of a PNG or another format that OpenCV reads.
        kind: element type that it must have, such as `np.uint16`.
        channels: 1 or 3, which it must have.
        what: what it should hold, for messages.

    Raises:
        DatasetError: it isn't there, can't be read, or is of another kind.

    """
    need_file(path, what)
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError as error:
        raise DatasetError(
            f"{path}: pictures of 16 bits need OpenCV; `pip install opencv-python-headless`"
        ) from error
    pixels: NDArray[Any] | None = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise DatasetError(f"{path}: can't be read as a picture ({what})")
    found = 1 if pixels.ndim == 2 else pixels.shape[2]
    if pixels.dtype != kind or found != channels:
        raise DatasetError(
            f"{path}: {what} must have {channels} channel(s) of {np.dtype(kind).name}, "
            f"not {found} of {pixels.dtype.name}"
        )
    return pixels if channels == 1 else np.ascontiguousarray(pixels[..., ::-1])


def read_grey(path: Path) -> NDArray[np.uint8]:
    """A photograph in grey, (h, w) uint8; of 16 bits the upper 8.

    Raises:
        DatasetError: it isn't there, can't be read, or has pixels of 32 bits.

    """
    from PIL import Image

    need_file(path, "a picture")
    try:
        with Image.open(path) as picture:
            if has_16_bits(picture):
                # Pillow's own conversion makes all above 255 white.
                return (np.asarray(picture) >> 8).astype(np.uint8)
            return np.asarray(picture.convert("L"), np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise DatasetError(f"{path}: can't be read as a picture: {error}") from error


def has_16_bits(picture: Image) -> bool:
    """Whether it is grey of 16 bits, rather than of 8 or in colours.

    Raises:
        ValueError: its pixels have 32 bits, of which nothing tells how bright white is.

    """
    # Some versions of Pillow give grey PNGs of 16 bits in mode I; a PNG never has more.
    if picture.mode.startswith("I;16") or (picture.mode, picture.format) == ("I", "PNG"):
        return True
    if picture.mode in UNFIT:
        raise ValueError(
            f"its pixels are {UNFIT[picture.mode]} (mode {picture.mode}); save it with 8 or 16 bits"
        )
    return False


def read_numbers(path: Path, columns: int, what: str) -> NDArray[np.int64]:
    """Whole numbers of a text file, (n,) for one column, else (n, columns); # begins a comment.

    Raises:
        DatasetError: it isn't there, isn't UTF-8, or a line is of another form.

    """
    need_file(path, what)
    rows: list[list[int]] = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        words = line.split("#", 1)[0].replace(",", " ").split()
        if not words:
            continue
        try:
            row = [int(word) for word in words]
        except ValueError:
            row = []
        if len(row) != columns:
            raise DatasetError(
                f"{path}: line {number} must hold {columns} whole number(s) ({what}), not '{line}'"
            )
        rows.append(row)
    table = np.array(rows, np.int64).reshape(-1, columns)
    return table[:, 0] if columns == 1 else table


def need_dataset(file: h5py.File, name: str, dimensions: int | None = None) -> h5py.Dataset:
    """A data set of an HDF5 file.

    Raises:
        DatasetError: it isn't in the file, or has other dimensions.

    """
    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        listed: list[str] = []
        file.visit(listed.append)
        raise DatasetError(
            f"{file.filename}: lacks '{name}'; it holds {', '.join(listed[:20]) or 'nothing'}"
        )
    if dimensions is not None and found.ndim != dimensions:
        raise DatasetError(
            f"{file.filename}: '{name}' must have {dimensions} dimension(s), "
            f"its shape is {found.shape}"
        )
    return found


def open_hdf5(path: Path, what: str) -> h5py.File:
    """An HDF5 file, to be closed by the caller.

    Raises:
        DatasetError: it isn't there, or is none.

    """
    need_file(path, what)
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise DatasetError(f"{path}: can't be read as HDF5: {error}") from error


def need_fields(array: NDArray[Any], names: Sequence[str], path: Path) -> None:
    """Check that records have some fields.

    Raises:
        DatasetError: one is missing.

    """
    there = array.dtype.names or ()
    missing = [name for name in names if name not in there]
    if missing:
        raise DatasetError(
            f"{path}: the records lack the field '{missing[0]}'; they have {', '.join(there)}"
        )
