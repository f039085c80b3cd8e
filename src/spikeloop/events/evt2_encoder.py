"""Events and triggers to EVT2 words; order and times come out of the decoder as they went in."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.evt3_encoder import EncodingError

LARGEST = 2048
ROLL_OVER_BITS = 34
BRIDGE = 1 << 19
"""Steps of the high time, 64 us each, that a reader follows for certain, ahead or back."""
BACK = 1024
"""Steps back that are believed at once; a longer way back is one of several."""
MOST_BRIDGES = 1_000_000


class Evt2Encoder:
    """Encodes pieces of one stream, one behind the other."""

    encoding = "evt2"
    time_bits = ROLL_OVER_BITS

    def __init__(self, width: int, height: int) -> None:
        """Encode for a sensor of this size.

        Raises:
            EncodingError: it is too large for the format.

        """
        if width > LARGEST or height > LARGEST:
            raise EncodingError(f"EVT2 holds sensors of up to 2048x2048, not {width}x{height}")
        self._state = np.full(1, -1, dtype=np.int64)

    def encode(self, events: Events, triggers: Triggers) -> bytes:
        """The words of a piece, little-endian; times count from 0 on.

        Raises:
            EncodingError: times are below 0, or fall or rise further than a reader can follow.

        """
        columns = (
            events.t, events.x, events.y, events.p, triggers.t, triggers.channel, triggers.value,
        )  # fmt: skip
        size = _encode(*columns, self._state.copy(), np.empty(0, np.uint32))
        if size < 0:
            raise EncodingError(
                f"event or trigger {-size - 1} is before time 0, or the time falls by more than "
                "33 s or rises by more than a year there, which EVT2 can't hold"
            )
        words = np.empty(size, np.uint32)
        _encode(*columns, self._state, words)
        return words.astype("<u4", copy=False).tobytes()


@numba.njit(cache=True)
def _put(words: NDArray[np.uint32], n: int, word: int) -> int:
    if n < len(words):
        words[n] = word
    return n + 1


@numba.njit(cache=True)
def _put_high(t: int, state: NDArray[np.int64], words: NDArray[np.uint32], n: int) -> int:
    """Bring the reader to a time; returns the number of words, -1 where it can't follow."""
    high = t >> 6
    if t < 0 or (state[0] >= 0 and state[0] - high > BRIDGE):
        return -1
    if high == state[0]:
        return n
    if state[0] >= 0:
        if (high - state[0]) // BRIDGE > MOST_BRIDGES:
            return -1
        while high - state[0] > BRIDGE:
            state[0] += BRIDGE
            n = _put(words, n, (0x8 << 28) | (state[0] & 0xFFFFFFF))
        while state[0] - high > BACK:
            state[0] -= BACK
            n = _put(words, n, (0x8 << 28) | (state[0] & 0xFFFFFFF))
    state[0] = high
    n = _put(words, n, (0x8 << 28) | (high & 0xFFFFFFF))
    return n


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
    words: NDArray[np.uint32],
) -> int:
    """The number of words, of which as many are written as there is room for.

    -k - 1 where event or trigger k can't be held.
    """
    i = j = n = 0
    while i < len(t) or j < len(trigger_t):
        if j < len(trigger_t) and (i == len(t) or trigger_t[j] <= t[i]):
            n = _put_high(trigger_t[j], state, words, n)
            if n < 0:
                return -j - 1
            low = (trigger_t[j] & 0x3F) << 22
            head = (0xA << 28) | low | ((int(channel[j]) & 0x1F) << 8)
            n = _put(words, n, head | int(value[j]))
            j += 1
            continue
        n = _put_high(t[i], state, words, n)
        if n < 0:
            return -i - 1
        low = (t[i] & 0x3F) << 22
        n = _put(words, n, (int(p[i]) << 28) | low | (int(x[i]) << 11) | int(y[i]))
        i += 1
    return n
