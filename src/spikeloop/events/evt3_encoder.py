"""Events and triggers to EVT3 words.

Order and times come out of the decoder as they went in. Events side by side in one row, of one
time and polarity, become vectors of 32, as the sensors write them. A quiet time longer than four
seconds is bridged by high times, so that no reader misses a roll-over.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers

LARGEST = 2048
ROLL_OVER_BITS = 24
BRIDGE = 1000
"""Steps of the high time, 4096 us each, that a reader follows for certain, ahead or back."""
BACK = 16
"""Steps back that are believed at once; a longer way back is one of several."""
MOST_BRIDGES = 1_000_000
"""A gap of more words (47 days) is rather a jump of the clock."""
WIDE, ENOUGH = 32, 5
"""Columns of a vector, and how many events make one worth its four words."""
# Fields of the state: high time, low time and row that the reader has, -1 for none.
HIGH, LOW, ROW = range(3)


class EncodingError(ValueError):
    """The format can't hold these events; the message says why."""


def time_origin(first: int, bits: int) -> int:
    """What has to be taken off all times so that a first one fits into so many bits.

    Whole roll-overs, as with a sensor that runs for longer; half of one less where little would be
    left below the first time, for later ones may be before it.
    """
    origin = max(0, first >> bits << bits)
    if origin and first - origin < 1 << (bits - 2):
        origin -= 1 << (bits - 1)
    return origin


class Evt3Encoder:
    """Encodes pieces of one stream, one behind the other."""

    encoding = "evt3"
    time_bits = ROLL_OVER_BITS

    def __init__(self, width: int, height: int) -> None:
        """Encode for a sensor of this size.

        Raises:
            EncodingError: it is too large for the format.

        """
        if width > LARGEST or height > LARGEST:
            raise EncodingError(f"EVT3 holds sensors of up to 2048x2048, not {width}x{height}")
        self._state = np.full(3, -1, dtype=np.int64)

    def encode(self, events: Events, triggers: Triggers) -> bytes:
        """The words of a piece, little-endian; times count from 0 on.

        Raises:
            EncodingError: times are below 0, or fall or rise further than a reader can follow.

        """
        columns = (
            events.t, events.x, events.y, events.p, triggers.t, triggers.channel, triggers.value,
        )  # fmt: skip
        # Once for the number of words, once to write them.
        size = _encode(*columns, self._state.copy(), np.empty(0, np.uint16))
        if size < 0:
            raise EncodingError(
                f"event or trigger {-size - 1} is before time 0, or the time falls by more than "
                "4 s or rises by more than 47 days there, which EVT3 can't hold"
            )
        words = np.empty(size, np.uint16)
        _encode(*columns, self._state, words)
        return words.astype("<u2", copy=False).tobytes()


@numba.njit(cache=True)
def _put(words: NDArray[np.uint16], n: int, word: int) -> int:
    if n < len(words):
        words[n] = word
    return n + 1


@numba.njit(cache=True)
def _put_time(t: int, state: NDArray[np.int64], words: NDArray[np.uint16], n: int) -> int:
    """Bring the reader to a time; returns the number of words, -1 where it can't follow."""
    high, low = t >> 12, t & 0xFFF
    if t < 0 or (state[HIGH] >= 0 and state[HIGH] - high > BRIDGE):
        return -1
    if high != state[HIGH]:
        if state[HIGH] >= 0:
            if (high - state[HIGH]) // BRIDGE > MOST_BRIDGES:
                return -1
            while high - state[HIGH] > BRIDGE:
                state[HIGH] += BRIDGE
                n = _put(words, n, 0x8000 | (state[HIGH] & 0xFFF))
            while state[HIGH] - high > BACK:
                state[HIGH] -= BACK
                n = _put(words, n, 0x8000 | (state[HIGH] & 0xFFF))
        n = _put(words, n, 0x8000 | (high & 0xFFF))
        state[HIGH], state[LOW] = high, -1
    if low != state[LOW]:
        n = _put(words, n, 0x6000 | low)
        state[LOW] = low
    return n


@numba.njit(cache=True)
def _neighbours(
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    i: int,
) -> int:
    """How many events from `i` on fit into one vector."""
    k = i + 1
    while (
        k < len(t)
        and t[k] == t[i]
        and y[k] == y[i]
        and p[k] == p[i]
        and x[k] > x[k - 1]
        and int(x[k]) - int(x[i]) < WIDE
    ):
        k += 1
    return k - i


@numba.njit(cache=True)
def _encode(
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    trigger_t: NDArray[np.int64],
    channel: NDArray[np.uint16],
    value: NDArray[np.uint8],
    state: NDArray[np.int64],
    words: NDArray[np.uint16],
) -> int:
    """The number of words, of which as many are written as there is room for.

    -k - 1 where event or trigger k can't be held.
    """
    i = j = n = 0
    while i < len(t) or j < len(trigger_t):
        if j < len(trigger_t) and (i == len(t) or trigger_t[j] <= t[i]):
            n = _put_time(trigger_t[j], state, words, n)
            if n < 0:
                return -j - 1
            n = _put(words, n, 0xA000 | ((channel[j] & 0xF) << 8) | value[j])
            j += 1
            continue
        n = _put_time(t[i], state, words, n)
        if n < 0:
            return -i - 1
        if y[i] != state[ROW]:
            n = _put(words, n, y[i])
            state[ROW] = y[i]
        count = _neighbours(t, x, y, p, i)
        if count < ENOUGH or x[i] > LARGEST - WIDE:
            n = _put(words, n, 0x2000 | (int(p[i]) << 11) | x[i])
            i += 1
            continue
        bits = 0
        for k in range(i, i + count):
            bits |= 1 << (int(x[k]) - int(x[i]))
        n = _put(words, n, 0x3000 | (int(p[i]) << 11) | x[i])
        n = _put(words, n, 0x4000 | (bits & 0xFFF))
        n = _put(words, n, 0x4000 | ((bits >> 12) & 0xFFF))
        n = _put(words, n, 0x5000 | (bits >> 24))
        i += count
    return n
