"""Events and triggers to EVT3 words, in one pass.

Two forms: a stream, in which time and row go on from piece to piece and events side by side become
vectors of 32, as the sensors write them; and packets, each of which begins with the time and row
that a reader has to know, so that one who comes late or lost a packet can read it. Packets are
written without vectors, for it takes longer to look for them than they save.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.encoder import (
    HIGH,
    LARGEST,
    WORDS_EACH,
    EvtEncoder,
    before_trigger,
    step_high,
)

FORM = (0x8000, 0xFFF, 1000, 16)
"""Of high times: 1000 steps of 4096 us are followed for certain, 16 back are believed at once."""
# Fields of the state behind the high time: low time and row that the reader has, -1 for none.
LOW, ROW = 1, 2
WIDE, ENOUGH = 32, 5
"""Columns of a vector, and how many events make one worth its four words."""
BLOCK = 1024
"""Events that are looked through for vectors at once."""


class Evt3Encoder(EvtEncoder):
    """Encodes a stream, or packets that can each be read by itself."""

    encoding = "evt3"
    time_bits = 24
    word = "u2"
    limits = "fall by at most 4 s and rise by at most 47 days"

    def __init__(self, width: int, height: int, *, packets: bool = False) -> None:
        """Encode for a sensor of this size; whether each piece is a packet.

        Raises:
            EncodingError: it is too large for the format.

        """
        super().__init__(width, height)
        self._packets = packets

    def _fill(
        self,
        events: Events,
        triggers: Triggers,
        state: NDArray[np.int64],
        words: NDArray[np.unsignedinteger],
    ) -> tuple[int, int]:
        n = 0
        if self._packets:
            if state[HIGH] >= 0:
                words[0] = FORM[0] | int(state[HIGH]) & FORM[1]
                n = 1
            state[LOW] = state[ROW] = -1
        size, failed = _fill(
            events.t, events.x, events.y, events.p, triggers.t, triggers.channel, triggers.value,
            state, words, n, not self._packets,
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
    words: NDArray[np.uint16],
    n: int,
    vectors: bool,
) -> tuple[int, int]:
    """Write behind the first `n` words; see `EvtEncoder._fill`."""
    links = np.zeros(BLOCK + WIDE, np.uint8)
    i = j = 0
    while i < len(t) or j < len(trigger_t):
        end = before_trigger(t, i, trigger_t, j)
        while i < end:
            stop = min(end, i + BLOCK)
            beyond = min(end, stop + WIDE)
            rest = WORDS_EACH * (len(t) - i + len(trigger_t) - j)
            if vectors and _links(t[i:beyond], x[i:beyond], y[i:beyond], p[i:beyond], links):
                n, i = _put_mixed(t, x, y, p, i, stop, links, state, words, n, rest)
            else:
                n, i = _put_plain(t, x, y, p, i, stop, state, words, n, rest)
            if n < 0:
                return n, i
        if j < len(trigger_t):
            rest = WORDS_EACH * (len(t) - i + len(trigger_t) - j)
            n = _put_time(trigger_t[j], state, words, n, rest)
            if n < 0:
                return n, -1 - j
            words[n] = 0xA000 | ((channel[j] & 0xF) << 8) | (value[j] & 1)
            n += 1
            j += 1
    return n, 0


@numba.njit(cache=True)
def _put_time(
    t: int, state: NDArray[np.int64], words: NDArray[np.uint16], n: int, rest: int
) -> int:
    """Bring the reader to a time; returns the new number of words, or FULL or LOST."""
    if t >> 12 != state[HIGH]:
        n = step_high(t >> 12, state, words, n, rest, FORM)
        if n < 0:
            return n
        state[LOW] = -1
    words[n] = 0x6000 | (t & 0xFFF)
    n += t & 0xFFF != state[LOW]
    state[LOW] = t & 0xFFF
    return n


@numba.njit(cache=True)
def _put_plain(
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    begin: int,
    end: int,
    state: NDArray[np.int64],
    words: NDArray[np.uint16],
    size: int,
    rest: int,
) -> tuple[int, int]:
    """Write events one by one; returns the number of words, and the event behind the last."""
    n, high, low, row = np.uint64(size), state[HIGH], state[LOW], state[ROW]
    for i in range(begin, end):
        now = t[i]
        if now >> 12 != high:
            high = now >> 12
            moved = step_high(high, state, words, np.int64(n), rest, FORM)
            if moved < 0:
                return moved, i
            n, low = np.uint64(moved), np.int64(-1)
        # Written always, kept where it says something new: no branch to mispredict.
        words[n] = np.uint16(0x6000 | (now & 0xFFF))
        n += np.uint64(now & 0xFFF != low)
        low = now & 0xFFF
        words[n] = y[i]
        n += np.uint64(y[i] != row)
        row = np.int64(y[i])
        words[n] = np.uint16(0x2000 | (np.uint16(p[i]) << 11) | x[i])
        n += np.uint64(1)
    state[LOW], state[ROW] = low, row
    return int(np.int64(n)), end


@numba.njit(cache=True)
def _links(
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    links: NDArray[np.uint8],
) -> bool:
    """Note which events are to the right of the one before; whether enough are in a row."""
    m = len(t)
    if m < ENOUGH:
        return False
    # A loop a column, without a way out, so that each is turned into vector code.
    for k in range(1, m):
        links[k] = np.uint8(t[k] == t[k - 1])
    for k in range(1, m):
        links[k] &= np.uint8(y[k] == y[k - 1]) & np.uint8(x[k] > x[k - 1])
    for k in range(1, m):
        links[k] &= np.uint8(p[k] == p[k - 1])
    links[m:] = 0
    found = np.uint8(0)
    for k in range(1, m - 3):
        found |= links[k] & links[k + 1] & links[k + 2] & links[k + 3]
    return bool(found)


@numba.njit(cache=True)
def _put_mixed(
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    begin: int,
    end: int,
    links: NDArray[np.uint8],
    state: NDArray[np.int64],
    words: NDArray[np.uint16],
    n: int,
    rest: int,
) -> tuple[int, int]:
    """As `_put_plain`, with vectors, of which the last may go beyond `end`."""
    i = begin
    while i < end:
        n = _put_time(t[i], state, words, n, rest)
        if n < 0:
            return n, i
        words[n] = y[i]
        n += y[i] != state[ROW]
        state[ROW] = y[i]
        count, bits = 1, np.uint32(1)
        while links[i - begin + count] and x[i + count] - x[i] < WIDE:
            bits |= np.uint32(1) << np.uint32(x[i + count] - x[i])
            count += 1
        if count >= ENOUGH and x[i] <= LARGEST - WIDE:
            words[n] = 0x3000 | (np.uint16(p[i]) << 11) | x[i]
            words[n + 1] = 0x4000 | (bits & np.uint32(0xFFF))
            words[n + 2] = 0x4000 | ((bits >> np.uint32(12)) & np.uint32(0xFFF))
            words[n + 3] = 0x5000 | (bits >> np.uint32(24))
            n += 4
            i += count
            continue
        # A run that is too short for a vector is so for each of its events.
        for k in range(i, i + count if x[i] <= LARGEST - WIDE else i + 1):
            words[n] = 0x2000 | (np.uint16(p[k]) << 11) | x[k]
            n += 1
            i += 1
    return n, i
