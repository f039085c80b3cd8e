"""Event-driven passes over one stage: gather the spikes, update the neurons, emit spikes.

Spikes between stages are lists, sorted by row and column. `keys` (int32) are x * channels +
channel; a spike that counts twice is in the list twice. `starts` (int64) has columns + 1 entries a
row: where each pixel's spikes begin, and where the row ends. `occupied` (uint64) has a bit for each
pixel that has spikes, in `words(columns)` words a row.

A pass goes along the output rows and stops only at pixels that a spike reaches or that may fire
without one ("hot"); all others are left as they are, and make up for their silent steps when they
are touched next. So a pass costs by the spikes, not by the pixels.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import njit

from spikeloop.snn.engine.vectors import (
    LANES,
    count_bits,
    emit,
    lowest_bit,
    nonzero_lanes,
    peek,
    poke,
    update_pixel,
)

GEOMETRY = (
    "rows_in", "columns_in", "channels_in", "rows", "columns", "channels", "padded",
    "kernel_rows", "kernel_columns", "stride_rows", "stride_columns", "pad_rows", "pad_columns",
)  # fmt: skip
"""What the integers of a stage's geometry mean, in this order."""

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_inline = njit(cache=True, boundscheck=False, error_model="numpy", inline="always")
_jit = njit(cache=True, boundscheck=False, error_model="numpy")


def words(columns: int) -> int:
    """Words of 64 bits for a row of so many columns; the last one is never full."""
    return columns // 64 + 1


@_inline
def _next_bit(bits: Any, base: Any, at: Any, width: Any) -> Any:
    """Place of the first bit from `at` on that is set, or `width`."""
    if at >= width:
        return width
    left = peek(bits, base + (at >> 6)) >> np.uint64(at & 63)
    if left != _ZERO:
        return at + np.int64(lowest_bit(left))
    word = (at >> 6) + 1
    while word * 64 < width:
        left = peek(bits, base + word)
        if left != _ZERO:
            return word * 64 + np.int64(lowest_bit(left))
        word += 1
    return width


@_inline
def _set_bit(bits: Any, base: Any, at: Any, value: Any) -> None:
    """Set a bit that was 0, if the value holds."""
    word = base + (at >> 6)
    poke(bits, word, peek(bits, word) | (np.uint64(value) << np.uint64(at & 63)))


@_inline
def _catch_up(
    states: Any, place: Any, padded: Any, silent: Any, power: Any, shift: Any, steps: Any
) -> Any:
    """Take silent steps for which there is no table, in jumps; return how many are left."""
    jump = (steps - 1) * padded
    while silent >= steps:
        silent -= steps - 1
        for c in range(padded):
            states[place + c] = states[place + c] * power[jump + c] + shift[jump + c]
    return silent


@cache
def stage_pass(vectors: int) -> Any:
    """The compiled pass for blocks of 16 * `vectors` channels.

    Its arguments: spikes in (keys, starts, occupied), the shortcut's (likewise; without spikes
    where there is none), weight, geometry, states, last (step of each pixel's last touch), step,
    always (touch every pixel), table, power, shift, steps (rows of these), first (by input
    column, the first output column whose window holds it), hot pixels before and after (bits),
    scratch (2, rows; and for the spikes of a window), wanted (words) and spikes out (keys, starts,
    occupied).
    It returns the number of pixels that it touched.
    """

    @_jit
    def run(
        keys: Any, starts: Any, occupied: Any, aside_keys: Any, aside_starts: Any,
        aside_occupied: Any, weight: Any, geometry: Any, states: Any, last: Any, step: Any,
        always: Any, table: Any, power: Any, shift: Any, steps: Any, first: Any, hot: Any,
        next_hot: Any, scratch: Any, found: Any, wanted: Any, out_keys: Any, out_starts: Any,
        out_occupied: Any,
    ) -> int:  # fmt: skip
        rows_in, columns_in, channels_in = geometry[0], geometry[1], geometry[2]
        rows, width, channels, padded = geometry[3], geometry[4], geometry[5], geometry[6]
        kernel_rows, kernel_columns = geometry[7], geometry[8]
        stride_y, stride_x, pad_y, pad_x = geometry[9], geometry[10], geometry[11], geometry[12]
        words_in, words_out = columns_in // 64 + 1, width // 64 + 1
        row_size = kernel_columns * channels_in * padded
        begins, ends = scratch[0], scratch[1]
        written, touched = 0, 0
        for y in range(rows):
            bits, line = y * words_out, y * (width + 1)
            for w in range(words_out):
                out_occupied[bits + w] = _ZERO
                next_hot[bits + w] = _ZERO
            for w in range(words_in):
                wanted[w] = _ZERO
            top = y * stride_y - pad_y
            for k in range(max(0, -top), min(kernel_rows, rows_in - top)):
                for w in range(words_in):
                    wanted[w] |= occupied[(top + k) * words_in + w]
            x, filled = 0, 0
            next_hot_x = _next_bit(hot, bits, 0, width)
            aside = _next_bit(aside_occupied, bits, 0, width)
            while True:
                if always:
                    here = x
                else:
                    if next_hot_x < x:
                        next_hot_x = _next_bit(hot, bits, x, width)
                    here = next_hot_x
                    column = _next_bit(wanted, 0, max(0, x * stride_x - pad_x), columns_in)
                    if column < columns_in:
                        here = min(here, max(x, first[column]))
                if aside < here:
                    # Only the shortcut has spikes here.
                    x = aside
                    before = written
                else:
                    if here >= width:
                        break
                    x = here
                    before = written
                    corner = x * stride_x - pad_x
                    left, right = max(corner, 0), min(corner + kernel_columns, columns_in)
                    for k in range(kernel_rows):
                        row = top + k
                        begin = end = 0
                        if 0 <= row < rows_in and left < right:
                            begin = peek(starts, row * (columns_in + 1) + left)
                            end = peek(starts, row * (columns_in + 1) + right)
                        poke(begins, k, begin)
                        poke(ends, k, end)
                    pixel = y * width + x
                    place = pixel * padded
                    silent = step - np.int64(peek(last, pixel)) - 1
                    poke(last, pixel, step)
                    silent = _catch_up(states, place, padded, silent, power, shift, steps)
                    stays = _ZERO
                    for offset in range(0, padded, vectors * LANES):
                        fired, ahead = update_pixel(
                            vectors, 1, kernel_rows, weight, keys, begins, ends,
                            corner * channels_in, row_size, found, padded, offset, states, place,
                            table, power, shift, silent,
                        )  # fmt: skip
                        stays |= ahead
                        written = emit(vectors, out_keys, written, x * channels + offset, fired)
                    _set_bit(next_hot, bits, x, stays != _ZERO)
                    touched += 1
                if aside == x:
                    at = line + x
                    for i in range(aside_starts[at], aside_starts[at + 1]):
                        out_keys[written] = aside_keys[i]
                        written += 1
                    aside = _next_bit(aside_occupied, bits, x + 1, width)
                _set_bit(out_occupied, bits, x, written > before)
                while filled < x:
                    poke(out_starts, line + filled, before)
                    filled += 1
                poke(out_starts, line + x, before)
                x += 1
                filled = x
            for i in range(filled, width + 1):
                out_starts[line + i] = written
        return touched

    return run


@cache
def window_pass(vectors: int) -> Any:
    """The pass for a first stage with few inputs in a row of its window, up to 8.

    There all inputs of a kernel row are one pattern of bits, and the sum of their weights is in a
    table: `weight` is (kernel rows, patterns, channels). `bits_in` has `words_in` words a row, with
    the bit of input x, c at (x + pad) * channels + c; `first` is by bit. Other arguments as in
    `stage_pass`, but no shortcut.
    """

    @_jit
    def run(
        bits_in: Any, words_in: Any, weight: Any, geometry: Any, states: Any, last: Any,
        step: Any, always: Any, table: Any, power: Any, shift: Any, steps: Any, first: Any,
        hot: Any, next_hot: Any, scratch: Any, patterns: Any, wanted: Any, out_keys: Any,
        out_starts: Any, out_occupied: Any,
    ) -> int:  # fmt: skip
        rows_in, channels_in = geometry[0], geometry[2]
        rows, width, channels, padded = geometry[3], geometry[4], geometry[5], geometry[6]
        kernel_rows, size = geometry[7], geometry[8] * channels_in
        stride_y, pad_y, hop = geometry[9], geometry[11], geometry[10] * channels_in
        words_out, places = width // 64 + 1, len(first)
        taken = (_ONE << np.uint64(size)) - _ONE
        row_size, none = (1 << size) * padded, scratch[0]
        written, touched = 0, 0
        for y in range(rows):
            bits, line = y * words_out, y * (width + 1)
            for w in range(words_out):
                out_occupied[bits + w] = _ZERO
                next_hot[bits + w] = _ZERO
            for w in range(words_in):
                wanted[w] = _ZERO
            top = y * stride_y - pad_y
            for k in range(max(0, -top), min(kernel_rows, rows_in - top)):
                for w in range(words_in):
                    wanted[w] |= bits_in[(top + k) * words_in + w]
            x, filled = 0, 0
            next_hot_x = _next_bit(hot, bits, 0, width)
            while True:
                here = x
                if not always:
                    if next_hot_x < x:
                        next_hot_x = _next_bit(hot, bits, x, width)
                    here = next_hot_x
                    place = _next_bit(wanted, 0, x * hop, places)
                    if place < places:
                        here = min(here, max(x, first[place]))
                if here >= width:
                    break
                x = here
                before = written
                word, low = (x * hop) >> 6, np.uint64((x * hop) & 63)
                for k in range(kernel_rows):
                    row = top + k
                    pattern = _ZERO
                    if 0 <= row < rows_in:
                        at = row * words_in + word
                        # What reaches into the next word is moved up by 64 - low, in two steps.
                        pattern = peek(bits_in, at) >> low
                        pattern |= (peek(bits_in, at + 1) << _ONE) << (np.uint64(63) - low)
                    poke(patterns, k, np.int32(pattern & taken))
                pixel = y * width + x
                place = pixel * padded
                silent = step - np.int64(peek(last, pixel)) - 1
                poke(last, pixel, step)
                silent = _catch_up(states, place, padded, silent, power, shift, steps)
                stays = _ZERO
                for offset in range(0, padded, vectors * LANES):
                    fired, ahead = update_pixel(
                        vectors, 0, kernel_rows, weight, patterns, none, none, 0, row_size,
                        patterns, padded, offset, states, place, table, power, shift, silent,
                    )  # fmt: skip
                    stays |= ahead
                    written = emit(vectors, out_keys, written, x * channels + offset, fired)
                _set_bit(next_hot, bits, x, stays != _ZERO)
                touched += 1
                _set_bit(out_occupied, bits, x, written > before)
                while filled < x:
                    poke(out_starts, line + filled, before)
                    filled += 1
                poke(out_starts, line + x, before)
                x += 1
                filled = x
            for i in range(filled, width + 1):
                out_starts[line + i] = written
        return touched

    return run


@_jit
def _spread(mask: Any) -> Any:
    """16 bits with a 0 between them."""
    mask = (mask | (mask << np.uint64(8))) & np.uint64(0x00FF00FF)
    mask = (mask | (mask << np.uint64(4))) & np.uint64(0x0F0F0F0F)
    mask = (mask | (mask << np.uint64(2))) & np.uint64(0x33333333)
    return (mask | (mask << _ONE)) & np.uint64(0x55555555)


@_jit
def pack_bits(
    picture: Any, channels: Any, rows: Any, columns: Any, pad: Any, bits: Any, words_in: Any
) -> int:
    """Set the bits of a flat picture (channels, rows, columns) of 0 and 1, float32.

    Returns the number of spikes, or -1 if there is another value.
    """
    count = np.int64(0)
    bits[:] = _ZERO
    full = columns - columns % LANES
    for c in range(channels):
        for y in range(rows):
            begin, base = (c * rows + y) * columns, y * words_in
            for x in range(0, full, LANES):
                busy, other = nonzero_lanes(picture, begin + x)
                if other != _ZERO:
                    return -1
                if channels <= 2 and busy != _ZERO:
                    # All lanes at once, with a gap between the bits of two channels.
                    at = (x + pad) * channels + c
                    spread = _spread(busy) if channels == 2 else busy
                    word, low = base + (at >> 6), np.uint64(at & 63)
                    bits[word] |= spread << low
                    bits[word + 1] |= (spread >> _ONE) >> (np.uint64(63) - low)
                    count += np.int64(count_bits(busy))
                    continue
                while busy != _ZERO:
                    at = (x + np.int64(lowest_bit(busy)) + pad) * channels + c
                    busy &= busy - _ONE
                    bits[base + (at >> 6)] |= _ONE << np.uint64(at & 63)
                    count += 1
            for x in range(full, columns):
                value = picture[begin + x]
                if value != 0:
                    if value != 1:
                        return -1
                    at = (x + pad) * channels + c
                    bits[base + (at >> 6)] |= _ONE << np.uint64(at & 63)
                    count += 1
    return int(count)


@_jit
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
    occupied[:] = _ZERO
    for y in range(rows):
        line = y * (columns + 1)
        for begin in range(0, columns, LANES):
            stop = min(begin + LANES, columns)
            busy = _ZERO
            for c in range(channels):
                at = c * plane + y * columns + begin
                if stop - begin == LANES:
                    busy |= nonzero_lanes(picture, at)[0]
                else:
                    for i in range(stop - begin):
                        if picture[at + i] != 0:
                            busy |= _ONE << np.uint64(i)
            for x in range(begin, stop):
                starts[line + x] = written
                if (busy >> np.uint64(x - begin)) & _ONE == _ZERO:
                    continue
                occupied[y * wide + (x >> 6)] |= _ONE << np.uint64(x & 63)
                for c in range(channels):
                    value = picture[c * plane + y * columns + x]
                    if not 0 <= value <= most or np.floor(value) != value:
                        return -1
                    for _ in range(np.int64(value)):
                        keys[written] = x * channels + c
                        written += 1
        starts[line + columns] = written
    return written


@_jit
def draw_spikes(
    picture: Any, channels: Any, rows: Any, columns: Any, keys: Any, starts: Any
) -> None:
    """Count a list's spikes in a flat picture (channels, rows, columns) of zeros, float32."""
    for y in range(rows):
        line = y * (columns + 1)
        for x in range(columns):
            for i in range(starts[line + x], starts[line + x + 1]):
                channel = keys[i] - x * channels
                picture[(channel * rows + y) * columns + x] += np.float32(1)


@_jit
def settle(states: Any, last: Any, step: Any, power: Any, shift: Any, steps: Any) -> None:
    """Let all pixels make up for their silent steps, up to and with `step`."""
    pixels, padded = states.shape
    for pixel in range(pixels):
        silent = step - last[pixel]
        last[pixel] = step
        while silent > 0:
            n = min(silent, steps - 1)
            for c in range(padded):
                states[pixel, c] = states[pixel, c] * power[n * padded + c] + shift[n * padded + c]
            silent -= n
