"""Dense pictures into lists or patterns of spikes, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikeloop.snn.engine.bits import ONE, ZERO, compiled, count_bits, lowest_bit
from spikeloop.snn.engine.vectors import LANES, interleaved_lanes, nonzero_lanes


@compiled
def pack_bits(
    picture: Any, channels: Any, rows: Any, columns: Any, pad: Any, bits: Any, words_in: Any
) -> int:
    """Set the bits of a flat picture (channels, rows, columns) of 0 and 1, float32.

    Input x, c is bit (x + pad) * channels + c of its row, which has `words_in` words.

    Returns the number of spikes, or -1 if there is another value.
    """
    bits[:] = ZERO
    full = columns - columns % LANES if channels <= 2 else 0
    count = np.int64(0)
    for y in range(rows):
        base, other = y * words_in, ZERO
        for x in range(0, full, LANES):
            # All lanes at once, of both channels.
            busy, more = interleaved_lanes(
                picture, y * columns + x, ((channels - 1) * rows + y) * columns + x, channels
            )
            other |= more
            at = (x + pad) * channels
            word, low = base + (at >> 6), np.uint64(at & 63)
            bits[word] |= busy << low
            bits[word + 1] |= (busy >> ONE) >> (np.uint64(63) - low)
            count += np.int64(count_bits(busy))
        if other != ZERO:
            return -1
        for c in range(channels):
            for x in range(full, columns):
                value = picture[(c * rows + y) * columns + x]
                if value != 0:
                    if value != 1:
                        return -1
                    at = (x + pad) * channels + c
                    bits[base + (at >> 6)] |= ONE << np.uint64(at & 63)
                    count += 1
    return int(count)


@compiled
def _busy_columns(
    picture: Any, channels: Any, plane: Any, row: Any, begin: Any, stop: Any
) -> np.uint64:
    """Which of up to 16 columns of a row, from `begin` on, have a spike in any channel."""
    busy = ZERO
    for c in range(channels):
        at = c * plane + row + begin
        if stop - begin == LANES:
            busy |= nonzero_lanes(picture, at)
        else:
            for i in range(stop - begin):
                if picture[at + i] != 0:
                    busy |= ONE << np.uint64(i)
    return busy


@compiled
def list_spikes(
    picture: Any,
    channels: Any,
    rows: Any,
    columns: Any,
    most: Any,
    keys: Any,
    starts: Any,
    occupied: Any,
) -> int:
    """List the spikes of a flat picture (channels, rows, columns) of whole numbers, float32.

    Returns their number, or -1 if a value is negative, above `most`, or no whole number.
    """
    written, plane, wide = 0, rows * columns, columns // 64 + 1
    occupied[:] = ZERO
    for y in range(rows):
        line = y * (columns + 1)
        for begin in range(0, columns, LANES):
            stop = min(begin + LANES, columns)
            busy = _busy_columns(picture, channels, plane, y * columns, begin, stop)
            for x in range(begin, stop):
                starts[line + x] = written
                if (busy >> np.uint64(x - begin)) & ONE == ZERO:
                    continue
                occupied[y * wide + (x >> 6)] |= ONE << np.uint64(x & 63)
                for c in range(channels):
                    value = picture[c * plane + y * columns + x]
                    if not 0 <= value <= most or np.floor(value) != value:
                        return -1
                    for _ in range(np.int64(value)):
                        keys[written] = x * channels + c
                        written += 1
        starts[line + columns] = written
    return written


@compiled
def draw_spikes(
    picture: Any, channels: Any, rows: Any, columns: Any, keys: Any, starts: Any, occupied: Any
) -> None:
    """Count a list's spikes in a flat picture (channels, rows, columns) of zeros, float32."""
    wide = columns // 64 + 1
    for y in range(rows):
        line = y * (columns + 1)
        for w in range(wide):
            left = occupied[y * wide + w]
            while left != ZERO:
                x = w * 64 + np.int64(lowest_bit(left))
                left &= left - ONE
                for i in range(starts[line + x], starts[line + x + 1]):
                    channel = keys[i] - x * channels
                    picture[(channel * rows + y) * columns + x] += np.float32(1)
