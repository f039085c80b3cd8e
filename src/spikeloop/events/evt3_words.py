"""EVT3 one word at a time.

Each word is little-endian with its type in the top four bits (Metavision documentation, "EVT 3.0
Format"): y address, x address (an event), vector base and vectors of 12 or 8 events, the low and
the high 12 bits of the time in us, external triggers. The 24-bit time rolls over every 16.8 s.

How corrupt time words are survived is in `high_time`.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.high_time import (
    BACKWARD,
    HIGH,
    LAST_TIME,
    LOW,
    OUTSIDE,
    SEEN,
    SEEN_HIGH,
    SEEN_LOW,
    TRUSTED,
    UNPLACED,
    take_high,
    take_unknown,
)
from spikeloop.events.high_time import FIELDS as TIME_FIELDS

ADDR_Y, ADDR_X, VECT_BASE_X, VECT_12, VECT_8 = 0x0, 0x2, 0x3, 0x4, 0x5
TIME_LOW, CONTINUED_4, TIME_HIGH, EXT_TRIGGER = 0x6, 0x7, 0x8, 0xA
OTHERS, CONTINUED_12 = 0xE, 0xF

# Fields of the decoder's state behind those of the time.
Y, BASE_X, BASE_P = range(TIME_FIELDS, TIME_FIELDS + 3)
FIELDS = TIME_FIELDS + 3
SEEN_Y, SEEN_BASE = 16, 32
TIMED = SEEN_HIGH | SEEN_LOW
READY = TIMED | SEEN_Y
HIGH_BITS = LOW_BITS = 12


@numba.njit(cache=True)
def _take_vector(
    bits: int,
    length: int,
    state: NDArray[np.int64],
    counts: NDArray[np.int64],
    width: int,
    height: int,
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    n: int,
) -> int:
    """Take the events of a vector; returns how many there are now."""
    placed = state[SEEN] & (READY | SEEN_BASE) == READY | SEEN_BASE
    now, row = (state[HIGH] << 12) | state[LOW], state[Y]
    for bit in range(length):
        if (bits >> bit) & 1:
            column = state[BASE_X] + bit
            if not placed:
                counts[UNPLACED] += 1
            elif column >= width or row >= height:
                counts[OUTSIDE] += 1
            else:
                t[n], x[n], y[n], p[n] = now, column, row, state[BASE_P]
                n += 1
                counts[BACKWARD] += now < state[LAST_TIME]
                state[LAST_TIME] = now
    # Bounded, so that a corrupt stream of vectors can't carry it out of 64 bits.
    state[BASE_X] = min(state[BASE_X] + length, 1 << 16)
    return n


@numba.njit(cache=True)
def take_word(
    word: int,
    i: int,
    state: NDArray[np.int64],
    counts: NDArray[np.int64],
    width: int,
    height: int,
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    n: int,
    trigger_t: NDArray[np.int64],
    channel: NDArray[np.uint16],
    value: NDArray[np.uint8],
    m: int,
) -> tuple[int, int]:
    """Take any word, number `i` of this piece; returns the numbers of events and triggers."""
    kind, low12, low11 = word >> 12, word & 0xFFF, word & 0x7FF
    if kind == ADDR_X:
        if state[SEEN] & READY != READY:
            counts[UNPLACED] += 1
        elif low11 >= width or state[Y] >= height:
            counts[OUTSIDE] += 1
        else:
            now = (state[HIGH] << 12) | state[LOW]
            t[n], x[n], y[n], p[n] = now, low11, state[Y], (word >> 11) & 1
            n += 1
            counts[BACKWARD] += now < state[LAST_TIME]
            state[LAST_TIME] = now
    elif kind == ADDR_Y:
        state[Y] = low11
        state[SEEN] |= SEEN_Y
    elif kind == TIME_LOW:
        state[LOW] = low12
        state[SEEN] |= SEEN_LOW
    elif kind == TIME_HIGH:
        known = state[SEEN] & SEEN_HIGH and state[HIGH] == state[TRUSTED]
        if not (known and low12 == state[HIGH] & 0xFFF):
            take_high(low12, i, state, counts, HIGH_BITS, LOW_BITS)
    elif kind == VECT_BASE_X:
        state[BASE_X] = low11
        state[BASE_P] = (word >> 11) & 1
        state[SEEN] |= SEEN_BASE
    elif kind == VECT_12 or kind == VECT_8:
        length = 12 if kind == VECT_12 else 8
        n = _take_vector(low12, length, state, counts, width, height, t, x, y, p, n)
    elif kind == EXT_TRIGGER:
        if state[SEEN] & TIMED != TIMED:
            counts[UNPLACED] += 1
        else:
            trigger_t[m] = (state[HIGH] << 12) | state[LOW]
            channel[m], value[m] = (word >> 8) & 0xF, word & 1
            m += 1
    elif kind != CONTINUED_4 and kind != OTHERS and kind != CONTINUED_12:
        take_unknown(i, state, counts)
    return n, m
