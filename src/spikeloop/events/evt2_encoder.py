"""Events and triggers to EVT2 words, in one pass."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.encoder import (
    HIGH,
    WORDS_EACH,
    EvtEncoder,
    before_trigger,
    step_high,
)

FORM = (0x8 << 28, 0xFFFFFFF, 1 << 19, 1024)
"""Of high times: 33 s, in steps of 64 us, are followed for certain, 1024 back believed at once."""


class Evt2Encoder(EvtEncoder):
    """Encodes a stream."""

    encoding = "evt2"
    time_bits = 34
    word = "u4"
    limits = "fall by at most 33 s and rise by at most a year"

    def _fill(
        self,
        events: Events,
        triggers: Triggers,
        state: NDArray[np.int64],
        words: NDArray[np.unsignedinteger],
    ) -> tuple[int, int]:
        size, failed = _fill(
            events.t, events.x, events.y, events.p, triggers.t, triggers.channel, triggers.value,
            state, words,
        )  # fmt: skip
        return size, failed


@numba.njit(cache=True)
def _fill(
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    trigger_t: NDArray[np.int64],
    channel: NDArray[np.uint16],
    value: NDArray[np.uint8],
    state: NDArray[np.int64],
    words: NDArray[np.uint32],
) -> tuple[int, int]:
    """See `EvtEncoder._fill`."""
    i = j = n = 0
    while i < len(t) or j < len(trigger_t):
        rest = WORDS_EACH * (len(t) - i + len(trigger_t) - j)
        end = before_trigger(t, i, trigger_t, j)
        n, i = _put_events(t, x, y, p, i, end, state, words, n, rest)
        if n < 0:
            return n, i
        if j < len(trigger_t):
            if trigger_t[j] >> 6 != state[HIGH]:
                n = step_high(trigger_t[j] >> 6, state, words, n, rest, FORM)
                if n < 0:
                    return n, -1 - j
            low = (trigger_t[j] & 0x3F) << 22
            words[n] = (0xA << 28) | low | ((channel[j] & 0x1F) << 8) | (value[j] & 1)
            n += 1
            j += 1
    return n, 0


@numba.njit(cache=True)
def _put_events(
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    begin: int,
    end: int,
    state: NDArray[np.int64],
    words: NDArray[np.uint32],
    size: int,
    rest: int,
) -> tuple[int, int]:
    """Write events; returns the number of words, and the event behind the last."""
    n, high = np.uint64(size), state[HIGH]
    for i in range(begin, end):
        now = t[i]
        if now >> 6 != high:
            high = now >> 6
            moved = step_high(high, state, words, np.int64(n), rest, FORM)
            if moved < 0:
                return moved, i
            n = np.uint64(moved)
        time = np.uint32(now & 0x3F) << np.uint32(22)
        address = (np.uint32(x[i]) << np.uint32(11)) | np.uint32(y[i])
        words[n] = (np.uint32(p[i]) << np.uint32(28)) | time | address
        n += np.uint64(1)
    return int(np.int64(n)), end
