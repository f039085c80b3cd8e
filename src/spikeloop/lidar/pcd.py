"""PCD, the files of the Point Cloud Library: versions 0.5 to 0.7, all three kinds of data.

A header of lines, then ASCII rows, packed records, or records by column in LZF compression (PCL's
description of the format; LZF as in liblzf).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.lidar.cloud import Cloud, LidarFileError

HEADER_LINES = 64
LARGEST = 1 << 31
"""Bytes of unpacked data that are believed."""
FORMATS = {
    (kind, str(size)): np.dtype(f"<{kind.lower()}{size}")
    for kind, sizes in (("F", (4, 8)), ("I", (1, 2, 4, 8)), ("U", (1, 2, 4, 8)))
    for size in sizes
}


@dataclass(frozen=True)
class _Header:
    record: np.dtype[Any]
    width: int
    height: int
    points: int
    data: str
    length: int


def read_pcd(path: Path) -> Cloud:
    """The cloud of a file, with all its fields.

    Raises:
        LidarFileError: it is none, cut, or damaged; the message says where.
        OSError: it can't be opened.

    """
    raw = path.read_bytes()
    try:
        header = _header(raw)
        body = raw[header.length :]
        if header.data == "ascii":
            columns = _ascii(body, header)
        elif header.data == "binary":
            columns = _binary(body, header)
        else:
            columns = _compressed(body, header)
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        cause = f"lacks the line {error}" if isinstance(error, KeyError) else str(error)
        raise LidarFileError(f"{path}: {cause}") from error
    shape = (header.height, header.width)
    fields = {name: c.reshape(shape + c.shape[1:]) for name, c in columns.items()}
    for axis in "xyz":
        if axis not in fields:
            raise LidarFileError(f"{path}: has no field '{axis}', but {', '.join(fields)}")
        if fields[axis].ndim != 2:
            raise LidarFileError(f"{path}: field '{axis}' must have a COUNT of 1")
        fields[axis] = fields[axis].astype(np.float32, copy=False)
    return Cloud(fields)


def _header(raw: bytes) -> _Header:
    lines: dict[str, list[str]] = {}
    at = 0
    for _ in range(HEADER_LINES):
        end = raw.find(b"\n", at)
        if end < 0:
            break
        words = raw[at:end].decode("ascii", "replace").split("#")[0].split()
        at = end + 1
        if words:
            lines[words[0]] = words[1:]
        if words[:1] == ["DATA"]:
            return _parsed(lines, at)
    raise ValueError("is no PCD file: there is no line DATA")


def _parsed(lines: dict[str, list[str]], length: int) -> _Header:
    names = lines["FIELDS"] if "FIELDS" in lines else lines["COLUMNS"]
    counts = [int(c) for c in lines.get("COUNT", ["1"] * len(names))]
    kinds = zip(lines["TYPE"], lines["SIZE"], strict=True)
    formats = [_format(kind, size) for kind, size in kinds]
    fields = []
    for place, (name, kind, count) in enumerate(zip(names, formats, counts, strict=True)):
        # Padding is called "_", any number of times.
        unique = f"_{place}" if name == "_" else name
        fields.append((unique, kind, (count,)) if count > 1 else (unique, kind))
    width, height = int(lines["WIDTH"][0]), int(lines["HEIGHT"][0])
    points = int(lines["POINTS"][0]) if "POINTS" in lines else width * height
    data = lines["DATA"][0].lower()
    # With no point at all the other size could be anything.
    if min(width, height) < 0 or max(width, height) > LARGEST or points != width * height:
        raise ValueError(f"states {points} points, but is {width} wide and {height} high")
    if data not in ("ascii", "binary", "binary_compressed"):
        raise ValueError(f"DATA {data} isn't known; ascii, binary and binary_compressed are")
    record = np.dtype(fields)
    if points * record.itemsize > LARGEST:
        raise ValueError(f"states {points} points, which is beyond 2 GiB")
    return _Header(record, width, height, points, data, length)


def _format(kind: str, size: str) -> np.dtype[Any]:
    try:
        return FORMATS[kind.upper(), size]
    except KeyError:
        raise ValueError(f"fields of TYPE {kind} and SIZE {size} aren't known") from None


def _names(record: np.dtype[Any]) -> list[str]:
    return [name for name in record.names or () if not name.startswith("_")]


def _ascii(body: bytes, header: _Header) -> dict[str, NDArray[Any]]:
    rows = [line.split() for line in body.decode("ascii", "replace").splitlines() if line.strip()]
    if len(rows) < header.points:
        raise ValueError(f"ends after {len(rows)} of {header.points} points")
    out = np.zeros(header.points, header.record)
    for name in header.record.names or ():
        kind, first = header.record[name], _place(header.record, name)
        count = int(np.prod(kind.shape)) if kind.shape else 1
        try:
            text = [row[first : first + count] for row in rows[: header.points]]
            values = np.array([[_value(word, kind.base) for word in row] for row in text])
        except ValueError as error:
            raise ValueError(f"field {name}: {error}") from error
        out[name] = values.reshape(out[name].shape).astype(kind.base)
    return {name: out[name] for name in _names(header.record)}


def _value(word: str, kind: np.dtype[Any]) -> float:
    return float(word) if kind.kind == "f" else int(float(word))


def _place(record: np.dtype[Any], name: str) -> int:
    """Column of a field in a row of text."""
    at = 0
    for other in record.names or ():
        if other == name:
            break
        at += int(np.prod(record[other].shape)) if record[other].shape else 1
    return at


def _binary(body: bytes, header: _Header) -> dict[str, NDArray[Any]]:
    needed = header.points * header.record.itemsize
    if len(body) < needed:
        raise ValueError(f"ends after {len(body)} of {needed} bytes of points")
    out = np.frombuffer(body, header.record, header.points)
    return {name: out[name].copy() for name in _names(header.record)}


def _compressed(body: bytes, header: _Header) -> dict[str, NDArray[Any]]:
    if len(body) < 8:
        raise ValueError("ends before its compressed data")
    packed, size = np.frombuffer(body, "<u4", 2).tolist()
    needed = header.points * header.record.itemsize
    if size != needed or len(body) - 8 < packed:
        raise ValueError(
            f"holds {len(body) - 8} of {packed} compressed bytes, which give {size} of {needed}"
        )
    plain = np.empty(size, np.uint8)
    if _unpack(np.frombuffer(body, np.uint8, packed, 8), plain) != size:
        raise ValueError("the compressed data are damaged")
    columns, at = {}, 0
    for name in header.record.names or ():
        kind = header.record[name]
        length = header.points * kind.itemsize
        column = plain[at : at + length].view(kind.base)
        columns[name] = column.reshape((header.points, *kind.shape))
        at += length
    return {name: columns[name] for name in _names(header.record)}


@numba.njit(cache=True)
def _unpack(packed: NDArray[np.uint8], out: NDArray[np.uint8]) -> int:
    """LZF: how many bytes came out; -1 where the data lead outside."""
    i, o = 0, 0
    while i < len(packed):
        control = int(packed[i])
        i += 1
        if control < 32:
            length = control + 1
            if i + length > len(packed) or o + length > len(out):
                return -1
            for _ in range(length):
                out[o] = packed[i]
                i, o = i + 1, o + 1
            continue
        length = control >> 5
        if length == 7:
            if i >= len(packed):
                return -1
            length += int(packed[i])
            i += 1
        if i >= len(packed):
            return -1
        back = o - ((control & 0x1F) << 8) - int(packed[i]) - 1
        i += 1
        length += 2
        if back < 0 or o + length > len(out):
            return -1
        for _ in range(length):
            out[o] = out[back]
            back, o = back + 1, o + 1
    return o
