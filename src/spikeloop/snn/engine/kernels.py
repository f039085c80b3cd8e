"""Event-driven passes over one stage: gather the spikes, update the neurons, emit spikes.

Spikes between stages are lists, sorted by row and column. `keys` (int32) are x * channels +
channel; a spike that counts twice is in the list twice. `starts` (int32) has columns + 1 entries a
row: where each pixel's spikes begin, and where the row ends. `occupied` (uint64) has a bit for each
pixel that has spikes, in `words(columns)` words a row.

A pass goes along the output rows. In each it first lists the pixels that a spike reaches, that may
fire without one ("hot"), or that the shortcut has spikes for; then it updates those. All others are
left as they are, and make up for their silent steps when they are touched next, or when a sweep
comes by, which goes through all pixels in `SWEEP` steps. So a pass costs by the spikes, not by the
pixels.

The list is made of words of bits by *place*: input columns, shifted by the padding (times the
channels, in the first stage's patterns). The window of output pixel x begins at place x * hop and
is `reach` places wide; hot pixels are marked at the places where their windows begin.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from spikeloop.snn.engine.bits import (
    ONE,
    ZERO,
    compiled,
    inlined,
    lowest_bit,
    peek,
    poke,
    set_bit,
)
from spikeloop.snn.engine.vectors import LANES, emit, spread_over, update_pixel

GEOMETRY = (
    "rows_in", "columns_in", "channels_in", "rows", "columns", "channels", "padded",
    "kernel_rows", "kernel_columns", "stride_rows", "stride_columns", "pad_rows", "pad_columns",
)  # fmt: skip
"""What the integers of a stage's geometry mean, in this order."""
SWEEP = 32
"""Steps in which every pixel is touched at least once."""


@compiled
def _wanted_places(
    bits: Any, words_in: Any, first: Any, last: Any, pad: Any, wanted: Any, size: Any
) -> None:
    """Which places have spikes in the rows from `first` up to `last`; one word more, of zeros."""
    for w in range(size + 1):
        wanted[w] = ZERO
    low = np.uint64(pad)
    for row in range(first, last):
        carry = ZERO
        for w in range(size):
            part = bits[row * words_in + w] if w < words_in else ZERO
            wanted[w] |= (part << low) | carry
            # Up by 64 - low in two steps, since low may be 0.
            carry = (part >> ONE) >> (np.uint64(63) - low)


@compiled
def _reached(wanted: Any, w: Any, reach: Any) -> Any:
    """Places of word w from which a window of up to 64 places holds one that is wanted."""
    low, high = wanted[w], wanted[w + 1]
    done: Any = 1
    while done < reach:
        hop = np.uint64(min(done, reach - done))
        low |= (low >> hop) | (high << (np.uint64(64) - hop))
        high |= high >> hop
        done += np.int64(hop)
    return low


@compiled
def _list_pixels(
    wanted: Any, size: Any, reach: Any, begins: Any, column: Any, hot: Any, mark: Any,
    aside: Any, aside_mark: Any, aside_size: Any, pixels: Any,
) -> int:  # fmt: skip
    """List the columns of a row to update; `begins` has the places where windows begin."""
    count, anywhere = 0, False
    if reach > 64:
        # Too wide for a word; then any spike makes the whole row.
        for w in range(size):
            anywhere |= wanted[w] != ZERO
    for w in range(size):
        left = begins[w]
        if reach > 64:
            left = left if anywhere else ZERO
        else:
            left &= _reached(wanted, w, reach)
        left |= hot[mark + w]
        if w < aside_size:
            left |= aside[aside_mark + w]
        while left != ZERO:
            pixels[count] = column[w * 64 + np.int64(lowest_bit(left))]
            count += 1
            left &= left - ONE
    return count


@compiled
def settle(
    states: Any, last: Any, padded: Any, first: Any, end: Any, step: Any, power: Any, shift: Any
) -> None:
    """Let the pixels from `first` up to `end` make up for their silent steps, up to `step`."""
    for pixel in range(first, end):
        silent = step - np.int64(peek(last, pixel))
        poke(last, pixel, step)
        if silent > 0:
            for c in range(padded):
                v = peek(states, pixel * padded + c)
                v = v * peek(power, silent * padded + c) + peek(shift, silent * padded + c)
                poke(states, pixel * padded + c, v)


@inlined
def _sweep(states: Any, last: Any, padded: Any, step: Any, power: Any, shift: Any) -> None:
    """Settle this step's part of the pixels."""
    turn, pixels = step % SWEEP, len(last)
    first, end = pixels * turn // SWEEP, pixels * (turn + 1) // SWEEP
    settle(states, last, padded, first, end, step - 1, power, shift)


@inlined
def _touch(
    padded: Any, bits: Any, listed: Any, kernel_rows: Any, weight: Any, keys: Any, begins: Any,
    ends: Any, low: Any, row_size: Any, found: Any, states: Any, last: Any, pixel: Any, step: Any,
    table: Any, power: Any, shift: Any, x: Any, channels: Any, next_hot: Any, mark: Any,
    place: Any, out_keys: Any, written: Any, vectors: Any,
) -> Any:  # fmt: skip
    """Update all channels of a pixel and append its spikes; the new number of spikes."""
    silent = step - np.int64(peek(last, pixel)) - 1
    poke(last, pixel, step)
    stays = ZERO
    for offset in range(0, padded, vectors * LANES):
        fired, ahead = update_pixel(
            vectors, bits, listed, kernel_rows, weight, keys, begins, ends, low, row_size, found,
            padded, offset, states, pixel * padded, table, power, shift, silent,
        )  # fmt: skip
        stays |= ahead
        written = emit(vectors, out_keys, written, x * channels + offset, fired)
    set_bit(next_hot, mark, place, stays != ZERO)
    return written


@inlined
def _bound(
    starts: Any, columns_in: Any, corner: Any, reach: Any, top: Any, low: Any, high: Any,
    lefts: Any, rights: Any,
) -> None:  # fmt: skip
    """Where the spikes of a window begin and end in the list, in its rows from `low` to `high`."""
    left = min(max(corner, 0), columns_in)
    right = max(left, min(corner + reach, columns_in))
    for k in range(low, high):
        row = (top + k) * (columns_in + 1)
        poke(lefts, k, np.int64(peek(starts, row + left)))
        poke(rights, k, np.int64(peek(starts, row + right)))


@inlined
def _begin_row(occupied: Any, words_out: Any, hot: Any, size: Any, y: Any) -> None:
    """Clear the marks of an output row."""
    for w in range(words_out):
        poke(occupied, y * words_out + w, ZERO)
    for w in range(size):
        poke(hot, y * size + w, ZERO)


@cache
def stage_pass(padded: int, taps: int, bits: int) -> Any:
    """The compiled pass over a stage.

    Args:
        padded: number of channels, a multiple of 16, or beyond 64 of 64.
        taps: rows of the window, where the pass is compiled for their number, else 0.
        bits: see `update_pixel`.

    Returns:
        A function of spikes in (keys, starts, occupied), the shortcut's (likewise; without spikes
        where there is none), weight, geometry, states, last (step of each pixel's last touch),
        step, always (touch every pixel), table, power, shift, begins and column (by place: whether
        a window begins there, and whose), hot places before and after (bits), scratch (2, rows; for
        the spikes of a window; for wanted places; for pixels, in which all columns stand at first),
        and spikes out (keys, starts, occupied). It gives the number of pixels that it touched.

    """
    vectors = min(4, padded // LANES)

    @compiled
    def run(
        keys: Any, starts: Any, occupied: Any, aside_keys: Any, aside_starts: Any,
        aside_occupied: Any, weight: Any, geometry: Any, states: Any, last: Any, step: Any,
        always: Any, table: Any, power: Any, shift: Any, begins: Any, column: Any, hot: Any,
        next_hot: Any, scratch: Any, found: Any, wanted: Any, pixels: Any, out_keys: Any,
        out_starts: Any, out_occupied: Any,
    ) -> int:  # fmt: skip
        rows_in, columns_in, channels_in = geometry[0], geometry[1], geometry[2]
        rows, width, channels, reach = geometry[3], geometry[4], geometry[5], geometry[8]
        stride_y, hop, pad_y, pad_x = geometry[9], geometry[10], geometry[11], geometry[12]
        kernel_rows = taps if taps else geometry[7]
        words_in, words_out, size = columns_in // 64 + 1, width // 64 + 1, len(begins)
        row_size, lefts, rights = reach * channels_in * padded, scratch[0], scratch[1]
        written, touched, count = 0, 0, width
        _sweep(states, last, padded, step, power, shift)
        for y in range(rows):
            _begin_row(out_occupied, words_out, next_hot, size, y)
            top, line = y * stride_y - pad_y, y * (width + 1)
            low, high = max(0, -top), min(kernel_rows, rows_in - top)
            if not always:
                _wanted_places(occupied, words_in, top + low, top + high, pad_x, wanted, size)
                count = _list_pixels(
                    wanted, size, reach, begins, column, hot, y * size, aside_occupied,
                    y * words_out, words_out, pixels,
                )  # fmt: skip
            for k in range(kernel_rows):
                lefts[k] = rights[k] = 0
            filled = line
            for i in range(count):
                x = np.int64(peek(pixels, i))
                corner = x * hop - pad_x
                _bound(starts, columns_in, corner, reach, top, low, high, lefts, rights)
                filled = spread_over(out_starts, filled, line + x + 1, written)
                before = written
                written = _touch(
                    padded, bits, 1, kernel_rows, weight, keys, lefts, rights,
                    corner * channels_in, row_size, found, states, last, y * width + x, step,
                    table, power, shift, x, channels, next_hot, y * size, x * hop, out_keys,
                    written, vectors,
                )  # fmt: skip
                first, end = peek(aside_starts, line + x), peek(aside_starts, line + x + 1)
                for j in range(first, end):
                    poke(out_keys, written, peek(aside_keys, j))
                    written += 1
                set_bit(out_occupied, y * words_out, x, written > before)
            spread_over(out_starts, filled, line + width + 1, written)
            touched += count
        return touched

    return run


@cache
def window_pass(padded: int, taps: int, bits: int) -> Any:
    """The pass for a first stage with few inputs in a row of its window, up to 8.

    There all inputs of a kernel row are one pattern of bits, and the sum of their weights is in a
    table: `weight` is (kernel rows, patterns, channels). `bits_in` has as many words a row as there
    are for places, and rows of zeros for the padding. Other arguments as in `stage_pass`, but no
    shortcut.
    """
    vectors = min(4, padded // LANES)

    @compiled
    def run(
        bits_in: Any, weight: Any, geometry: Any, states: Any, last: Any, step: Any, always: Any,
        table: Any, power: Any, shift: Any, begins: Any, column: Any, hot: Any, next_hot: Any,
        scratch: Any, patterns: Any, wanted: Any, pixels: Any, out_keys: Any, out_starts: Any,
        out_occupied: Any,
    ) -> int:  # fmt: skip
        channels_in, rows, width, channels = geometry[2], geometry[3], geometry[4], geometry[5]
        reach, stride_y, hop = geometry[8] * channels_in, geometry[9], geometry[10] * channels_in
        kernel_rows = taps if taps else geometry[7]
        words_out, size = width // 64 + 1, len(begins)
        taken = (ONE << np.uint64(reach)) - ONE
        row_size, none = (1 << reach) * padded, scratch[0]
        written, touched, count = 0, 0, width
        _sweep(states, last, padded, step, power, shift)
        for y in range(rows):
            _begin_row(out_occupied, words_out, next_hot, size, y)
            top, line = y * stride_y, y * (width + 1)
            if not always:
                _wanted_places(bits_in, size, top, top + kernel_rows, 0, wanted, size)
                count = _list_pixels(
                    wanted, size, reach, begins, column, hot, y * size, hot, 0, 0, pixels
                )
            filled = line
            for i in range(count):
                x = np.int64(peek(pixels, i))
                word, begin = top * size + ((x * hop) >> 6), np.uint64((x * hop) & 63)
                for k in range(kernel_rows):
                    at = word + k * size
                    pattern = peek(bits_in, at) >> begin
                    # What reaches into the next word is moved up by 64 - begin, in two steps.
                    pattern |= (peek(bits_in, at + 1) << ONE) << (np.uint64(63) - begin)
                    poke(patterns, k, np.int32(pattern & taken))
                filled = spread_over(out_starts, filled, line + x + 1, written)
                before = written
                written = _touch(
                    padded, bits, 0, kernel_rows, weight, patterns, none, none, 0, row_size,
                    patterns, states, last, y * width + x, step, table, power, shift, x,
                    channels, next_hot, y * size, x * hop, out_keys, written, vectors,
                )  # fmt: skip
                set_bit(out_occupied, y * words_out, x, written > before)
            spread_over(out_starts, filled, line + width + 1, written)
            touched += count
        return touched

    return run
