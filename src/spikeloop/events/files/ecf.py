"""ECF, the filter 0x8ECF by which Metavision compresses events in HDF5: its decoder.

A chunk begins with 32 bits of the number of events and how their addresses are packed, and 64 bits
of the first time, us. Times follow as bytes of a step (upper half) and how often that time occurs
(lower half, 15 for two more bytes of it); a step of 15 begins longer steps, four bits a byte. Then
either columns, rows and polarities in 24 bits an event, or rows as 11 bits with their number of
repetitions and columns with polarities in 12 bits an event or as 11 bits with five more for the
next columns to the right, with polarities as run lengths (format of Prophesee's hdf5_ecf 1.0).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.decoder import columns

FILTER = 0x8ECF
LAST_TIME = (1 << 63) - 1
MOST = 65_535
"""Events that a chunk can hold."""


class EcfError(ValueError):
    """A chunk is damaged; the message says at which byte."""


def decode(
    data: bytes,
) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint8]]:
    """Columns t, x, y, p of a chunk.

    Raises:
        EcfError: it ends too early, or holds more than the format allows.

    """
    if len(data) < 12:
        raise EcfError(f"a chunk of {len(data)} bytes is shorter than its header")
    head = int.from_bytes(data[:4], "little")
    count = head >> 2
    if count > MOST:
        raise EcfError(f"a chunk of {count} events, more than {MOST}")
    # So much room behind the end that a step needs no check of its own.
    bytes_ = np.frombuffer(data + bytes(16), np.uint8)
    t, x, y, p = columns(count + 8)
    at = _decode(bytes_, len(data), count, bool(head & 2), bool(head & 1), t, x, y, p)
    if at < 0:
        raise EcfError(f"a chunk of {len(data)} bytes ends within its {count} events")
    return t[:count], x[:count], y[:count], p[:count]


@numba.njit(cache=True)
def _one(data: NDArray[np.uint8], at: int) -> int:
    return int(np.int64(data[at]))


@numba.njit(cache=True)
def _two(data: NDArray[np.uint8], at: int) -> int:
    return int(np.int64(data[at]) | (np.int64(data[at + 1]) << 8))


@numba.njit(cache=True)
def _times(data: NDArray[np.uint8], size: int, count: int, t: NDArray[np.int64]) -> int:
    now = 0
    for k in range(0, 8, 2):
        now |= (_two(data, 4 + k) & (0x7FFF if k == 6 else 0xFFFF)) << (8 * k)
    at, n = 12, 0
    while n < count:
        if at >= size:
            return -1
        step, repeats = _one(data, at) >> 4, _one(data, at) & 0xF
        at += 1
        if step == 15:
            shift, longer = 0, 0
            while step == 15:
                if shift < 60:
                    longer |= repeats << shift
                shift += 4
                if at >= size:
                    return -1
                step, repeats = _one(data, at) >> 4, _one(data, at) & 0xF
                at += step == 15
            # Kept within 63 bits, whatever a damaged chunk adds up to.
            now = (now + longer) & LAST_TIME
            continue
        now = (now + step) & LAST_TIME
        if repeats == 15:
            repeats = _two(data, at)
            at += 2
        if at > size or n + repeats > count:
            return -1
        t[n : n + repeats] = now
        n += repeats
    return at


@numba.njit(cache=True)
def _rows(data: NDArray[np.uint8], size: int, at: int, count: int, y: NDArray[np.uint16]) -> int:
    n = 0
    while n < count:
        if at + 2 > size:
            return -1
        word = _two(data, at)
        at += 2
        repeats = word & 31
        if repeats == 31:
            repeats = _two(data, at)
            at += 2
        if at > size or n + repeats > count:
            return -1
        y[n : n + repeats] = word >> 5
        n += repeats
    return at


@numba.njit(cache=True)
def _polarities(
    data: NDArray[np.uint8], size: int, at: int, count: int, p: NDArray[np.uint8]
) -> int:
    n = 0
    while n < count:
        if at >= size:
            return -1
        byte = _one(data, at)
        at += 1
        repeats = byte & 127
        if repeats == 127:
            repeats = _two(data, at)
            at += 2
        if at > size or n + repeats > count:
            return -1
        p[n : n + repeats] = byte >> 7
        n += repeats
    return at


@numba.njit(cache=True)
def _neighbours(
    data: NDArray[np.uint8], size: int, at: int, count: int, x: NDArray[np.uint16]
) -> int:
    n = 0
    while n < count:
        if at + 2 > size:
            return -1
        word = _two(data, at)
        at += 2
        x[n] = word >> 5
        n += 1
        for k in range(5):
            # The last word may name neighbours behind the last event, of which nothing is kept.
            if (word >> (4 - k)) & 1:
                x[n] = (word >> 5) + k + 1
                n += 1
    return at


@numba.njit(cache=True)
def _decode(
    data: NDArray[np.uint8],
    size: int,
    count: int,
    all_packed: bool,
    columns_packed: bool,
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
) -> int:
    """Fill the columns; returns the place behind the last byte read, -1 if that is too far."""
    at: int = _times(data, size, count, t)
    if at < 0:
        return -1
    packed = np.empty(count + 8, np.int64)
    if all_packed:
        at = _packed(data, size, at, count, 8, packed)
        for n in range(count):
            y[n], x[n] = (packed[n] >> 12) & 0x7FF, (packed[n] >> 1) & 0x7FF
            p[n] = packed[n] & 1
        return at
    at = _rows(data, size, at, count, y)
    if at < 0:
        return -1
    if columns_packed:
        at = _packed(data, size, at, count, 4, packed)
        for n in range(count):
            x[n], p[n] = packed[n] >> 1, packed[n] & 1
        return at
    at = _neighbours(data, size, at, count, x)
    return -1 if at < 0 else _polarities(data, size, at, count, p)


@numba.njit(cache=True)
def _packed(
    data: NDArray[np.uint8], size: int, at: int, count: int, part: int, out: NDArray[np.int64]
) -> int:
    """Values of three times `part` bits, of which four share three words of four times as many."""
    step = part // 2
    if at + 3 * step * ((count + 3) // 4) > size:
        out[:] = 0
        return -1
    for n in range(0, count, 4):
        words = [_two(data, at + step * k) for k in range(3)]
        if step == 4:
            words = [words[k] | (_two(data, at + 4 * k + 2) << 16) for k in range(3)]
        for k in range(4):
            out[n + k] = _quarter(words[0], words[1], words[2], k, part)
        at += 3 * step
    return at


@numba.njit(cache=True)
def _quarter(a: int, b: int, c: int, k: int, part: int) -> int:
    """Value `k` of four that share three words, of three parts of so many bits each."""
    ones, twos, word = (1 << part) - 1, (1 << 2 * part) - 1, (1 << 3 * part) - 1
    if k == 0:
        return a >> part
    if k == 1:
        return (a & ones) | ((b >> 2 * part) << part)
    if k == 2:
        return (b & twos) | ((c >> 3 * part) << 2 * part)
    return c & word
