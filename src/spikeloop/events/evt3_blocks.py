"""EVT3 at speed: runs of ordinary words through tables, a block at a time.

In a run nothing depends on a branch: one 64-bit word holds time, row, column and polarity, each
EVT3 word replaces its own part of it, every word stores it, and only those that are events move on
to the next place. The blocks are small enough to stay in the cache until they are unpacked into
columns. Whatever isn't ordinary (a new high time, triggers, reserved types, a stream that isn't
trusted yet) ends the run and goes through `take_word`.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.evt3_words import (
    ADDR_X,
    ADDR_Y,
    BASE_P,
    BASE_X,
    CONTINUED_4,
    CONTINUED_12,
    EXT_TRIGGER,
    OTHERS,
    READY,
    SEEN_BASE,
    TIME_HIGH,
    TIME_LOW,
    VECT_8,
    VECT_12,
    VECT_BASE_X,
    Y,
    take_word,
)
from spikeloop.events.high_time import (
    BACKWARD,
    HIGH,
    LAST_TIME,
    LAST_UNKNOWN,
    LONG_AGO,
    LOW,
    OUTSIDE,
    SEEN,
    TRUSTED,
)

BLOCK = 2048
"""Words a block."""
GROUP = 64
"""Words that are looked through at once for a rare one."""
SCRATCH = 12 * BLOCK + 16
"""Events that a block can hold, and room for the last store, which is always a whole vector."""

# Where the fields lie in the packed word: bits 0 to 10 column, 11 polarity, 12 to 22 row, 24 to 35
# low time. The high time can't change within a run.
ROW_AT, LOW_AT = 12, 24
COLUMN, ROW, LOWS = 0x7FF, 0x7FF << ROW_AT, 0xFFF << LOW_AT
FURTHEST = 2048 - 33
"""Vector bases beyond it could carry into the polarity."""


def _table(values: dict[int, int], rest: int = 0) -> NDArray[np.uint64]:
    return np.array([values.get(kind, rest) for kind in range(16)], dtype=np.uint64)


# (packed & KEEP) | ((word & TAKE) << SHIFT), by type of word.
_TAKE = _table({ADDR_X: 0xFFF, ADDR_Y: 0x7FF, TIME_LOW: 0xFFF})
_SHIFT = _table({ADDR_Y: ROW_AT, TIME_LOW: LOW_AT})
_ALL = (1 << 64) - 1
_KEEP = _table({ADDR_X: _ALL ^ 0xFFF, ADDR_Y: _ALL ^ ROW, TIME_LOW: _ALL ^ LOWS}, rest=_ALL)
_IS_EVENT = _table({ADDR_X: 1})
# A bit for each type that a run takes, without and with vectors.
_PLAIN_ALONE = sum(
    1 << kind for kind in (ADDR_X, ADDR_Y, TIME_LOW, CONTINUED_4, OTHERS, CONTINUED_12)
)
_PLAIN_WITH_VECTORS = _PLAIN_ALONE | 1 << VECT_BASE_X | 1 << VECT_12 | 1 << VECT_8
# The places of the set bits of eight, and their number.
_PLACES = np.zeros((256, 8), dtype=np.uint64)
for _mask in range(256):
    _found = [bit for bit in range(8) if _mask >> bit & 1]
    _PLACES[_mask, : len(_found)] = _found
_SET = np.array([bin(mask).count("1") for mask in range(256)], dtype=np.uint64)


@numba.njit(cache=True)
def capacity(words: NDArray[np.uint16]) -> tuple[int, int]:
    """Upper bounds of the events and triggers in `words`, so that no write needs a check."""
    single = twelve = eight = triggers = 0
    for i in range(len(words)):
        kind = words[i] >> 12
        single += kind == ADDR_X
        twelve += kind == VECT_12
        eight += kind == VECT_8
        triggers += kind == EXT_TRIGGER
    return single + 12 * twelve + 8 * eight, triggers


@numba.njit(cache=True)
def _has_vectors(words: NDArray[np.uint16], begin: int, end: int) -> bool:
    found = 0
    for i in range(begin, end):
        kind = words[i] >> 12
        found += (kind == VECT_12) | (kind == VECT_8)
    return found > 0


@numba.njit(cache=True)
def _first_rare(
    words: NDArray[np.uint16], begin: int, end: int, plain: np.uint32, repeated: np.uint32
) -> int:
    """Index of the first word of no plain type that isn't the high time known already."""
    i = begin
    while i + GROUP <= end:
        # A whole group at once, for this loop has no exit and so is turned into vector code.
        group, rare = words[i : i + GROUP], np.uint32(0)
        for k in range(GROUP):
            word = np.uint32(group[k])
            rare |= (~(plain >> (word >> np.uint32(12))) & 1) & np.uint32(word != repeated)
        if rare:
            break
        i += GROUP
    while i < end and ((plain >> np.uint32(words[i] >> 12)) & 1 or np.uint32(words[i]) == repeated):
        i += 1
    return i


@numba.njit(cache=True)
def _run_plain(
    words: NDArray[np.uint16], packed: np.uint64, scratch: NDArray[np.uint64], n: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Take plain words; returns the packed state and the number of events in `scratch`."""
    for i in range(len(words)):
        word = np.uint64(words[i])
        kind = word >> np.uint64(12)
        packed = (packed & _KEEP[kind]) | ((word & _TAKE[kind]) << (_SHIFT[kind] & np.uint64(63)))
        scratch[n] = packed
        n += _IS_EVENT[kind]
    return packed, n


@numba.njit(cache=True)
def _put_vector(
    event: np.uint64, bits: np.uint64, steps: int, scratch: NDArray[np.uint64], n: np.uint64
) -> np.uint64:
    """Put the events of so many times eight bits behind the first `n`; returns how many it are."""
    for step in range(steps):
        mask = (bits >> np.uint64(8 * step)) & np.uint64(255)
        first = event + np.uint64(8 * step)
        count = _SET[mask]
        # Always four of them, and four more if need be; the next ones are put over those that are
        # too many. Written out, all loads before the first store, so that none waits for another.
        a, b, c, d = _PLACES[mask, 0], _PLACES[mask, 1], _PLACES[mask, 2], _PLACES[mask, 3]
        scratch[n] = first + a
        scratch[n + np.uint64(1)] = first + b
        scratch[n + np.uint64(2)] = first + c
        scratch[n + np.uint64(3)] = first + d
        if count > np.uint64(4):
            a, b, c, d = _PLACES[mask, 4], _PLACES[mask, 5], _PLACES[mask, 6], _PLACES[mask, 7]
            scratch[n + np.uint64(4)] = first + a
            scratch[n + np.uint64(5)] = first + b
            scratch[n + np.uint64(6)] = first + c
            scratch[n + np.uint64(7)] = first + d
        n += count
    return n


@numba.njit(cache=True)
def _run_vectors(
    words: NDArray[np.uint16],
    packed: np.uint64,
    base: np.uint64,
    scratch: NDArray[np.uint64],
    n: np.uint64,
) -> tuple[np.uint64, np.uint64, np.uint64, bool]:
    """As `_run_plain`, with vectors; also tells whether a base was too far, so that it's wrong.

    Sensors write a base with three vectors, of 12, 12 and 8 columns; those are taken together.
    """
    i, size, one = np.uint64(0), np.uint64(len(words)), np.uint64(1)
    type_bits, addresses = np.uint64(12), np.uint64(_ALL ^ 0xFFF)
    furthest = np.uint64(0)
    while i < size:
        word = np.uint64(words[i])
        kind = word >> type_bits
        if kind == VECT_BASE_X:
            base = word & np.uint64(0xFFF)
            if (
                i + np.uint64(3) < size
                and words[i + one] >> 12 == VECT_12
                and words[i + np.uint64(2)] >> 12 == VECT_12
                and words[i + np.uint64(3)] >> 12 == VECT_8
            ):
                bits = np.uint64(words[i + one]) & np.uint64(0xFFF)
                bits |= (np.uint64(words[i + np.uint64(2)]) & np.uint64(0xFFF)) << np.uint64(12)
                bits |= (np.uint64(words[i + np.uint64(3)]) & np.uint64(0xFF)) << np.uint64(24)
                furthest = max(furthest, base & np.uint64(COLUMN))
                n = _put_vector((packed & addresses) + base, bits, 4, scratch, n)
                base += np.uint64(32)
                i += np.uint64(4)
                continue
        elif kind == VECT_12 or kind == VECT_8:
            furthest = max(furthest, base & np.uint64(COLUMN))
            bits = word & (np.uint64(0xFFF) if kind == VECT_12 else np.uint64(0xFF))
            n = _put_vector((packed & addresses) + base, bits, 2, scratch, n)
            base += np.uint64(12) if kind == VECT_12 else np.uint64(8)
        else:
            packed = (packed & _KEEP[kind]) | (
                (word & _TAKE[kind]) << (_SHIFT[kind] & np.uint64(63))
            )
            scratch[n] = packed
            n += _IS_EVENT[kind]
        i += one
    return packed, base, n, bool(furthest > np.uint64(FURTHEST))


@numba.njit(cache=True)
def _unpack(
    scratch: NDArray[np.uint64],
    count: int,
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
    """Write a run's events into the columns behind the first `n`; returns how many there are."""
    if count == 0:
        return n
    count = _inside(scratch, count, counts, width, height)
    if count == 0:
        return n
    start = state[HIGH] << 12
    steps = np.int64(0)
    for k in range(1, count):
        steps += (scratch[k] >> np.uint64(LOW_AT)) < (scratch[k - 1] >> np.uint64(LOW_AT))
    first = start + np.int64(scratch[0] >> np.uint64(LOW_AT))
    counts[BACKWARD] += steps + (first < state[LAST_TIME])
    state[LAST_TIME] = start + np.int64(scratch[count - 1] >> np.uint64(LOW_AT))
    t, x, y, p = t[n : n + count], x[n : n + count], y[n : n + count], p[n : n + count]
    for k in range(count):
        event = scratch[k]
        t[k] = start + np.int64(event >> np.uint64(LOW_AT))
        x[k] = event & np.uint64(COLUMN)
        y[k] = (event >> np.uint64(ROW_AT)) & np.uint64(0x7FF)
        p[k] = (event >> np.uint64(11)) & np.uint64(1)
    return n + count


@numba.njit(cache=True)
def _inside(
    scratch: NDArray[np.uint64], count: int, counts: NDArray[np.int64], width: int, height: int
) -> int:
    """Close the gaps of events outside the sensor; returns how many are left."""
    last_x, last_y, outside = np.int64(width - 1), np.int64(height - 1), np.int64(0)
    for k in range(count):
        column = np.int64(scratch[k] & np.uint64(COLUMN))
        row = np.int64((scratch[k] >> np.uint64(ROW_AT)) & np.uint64(0x7FF))
        outside |= (last_x - column) | (last_y - row)
    if outside >= 0:
        return count
    kept = 0
    for k in range(count):
        column = np.int64(scratch[k] & np.uint64(COLUMN))
        row = np.int64((scratch[k] >> np.uint64(ROW_AT)) & np.uint64(0x7FF))
        if column <= last_x and row <= last_y:
            scratch[kept] = scratch[k]
            kept += 1
    counts[OUTSIDE] += count - kept
    return kept


@numba.njit(cache=True)
def _run_block(
    words: NDArray[np.uint16],
    begin: int,
    end: int,
    state: NDArray[np.int64],
    scratch: NDArray[np.uint64],
    trigger_t: NDArray[np.int64],
    channel: NDArray[np.uint16],
    value: NDArray[np.uint8],
    m: int,
) -> tuple[int, int, int, int]:
    """Take words up to the first that isn't ordinary; a trigger is.

    Returns where that is, the numbers of events in `scratch` and of triggers, and up to where
    words have to be taken one by one, since they'd go wrong here.
    """
    based = state[SEEN] & SEEN_BASE != 0 and state[BASE_X] <= FURTHEST
    vectors = based and _has_vectors(words, begin, end)
    plain = np.uint32(_PLAIN_WITH_VECTORS if vectors else _PLAIN_ALONE)
    repeated = np.uint32((TIME_HIGH << 12) | (state[HIGH] & 0xFFF))
    if state[HIGH] != state[TRUSTED]:
        # In doubt each high time is a rare word: none is equal to this.
        repeated = np.uint32(1 << 20)
    packed = np.uint64((state[LOW] << LOW_AT) | (state[Y] << ROW_AT))
    base = np.uint64((state[BASE_X] & COLUMN) | (state[BASE_P] << 11))
    n, i, slow = np.uint64(0), begin, begin
    while True:
        stop = _first_rare(words, i, end, plain, repeated)
        if vectors:
            after, base_after, n_after, far = _run_vectors(words[i:stop], packed, base, scratch, n)
            if far:
                slow = stop
                break
            packed, base, n = after, base_after, n_after
        else:
            packed, n = _run_plain(words[i:stop], packed, scratch, n)
        i = stop
        if i == end or words[i] >> 12 != EXT_TRIGGER:
            break
        trigger_t[m] = (state[HIGH] << 12) + np.int64(packed >> np.uint64(LOW_AT))
        channel[m], value[m] = (words[i] >> 8) & 0xF, words[i] & 1
        m += 1
        i += 1
    state[LOW] = np.int64((packed & np.uint64(LOWS)) >> np.uint64(LOW_AT))
    state[Y] = np.int64((packed & np.uint64(ROW)) >> np.uint64(ROW_AT))
    if vectors:
        state[BASE_X] = np.int64(base & np.uint64(COLUMN))
        state[BASE_P] = np.int64(base >> np.uint64(11)) & 1
    return i, int(np.int64(n)), m, slow


@numba.njit(cache=True)
def decode_words(
    words: NDArray[np.uint16],
    state: NDArray[np.int64],
    counts: NDArray[np.int64],
    scratch: NDArray[np.uint64],
    width: int,
    height: int,
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    trigger_t: NDArray[np.int64],
    channel: NDArray[np.uint16],
    value: NDArray[np.uint8],
) -> tuple[int, int]:
    """Decode a piece of a stream into columns of at least its `capacity`.

    Returns the numbers of events and of triggers.
    """
    n = m = i = 0
    while i < len(words):
        slow = i + 1
        if state[SEEN] & READY == READY:
            end = min(len(words), i + BLOCK)
            i, count, m, slow = _run_block(
                words, i, end, state, scratch, trigger_t, channel, value, m
            )
            n = _unpack(scratch, count, state, counts, width, height, t, x, y, p, n)
            slow = max(slow, min(i + 1, end))
        while i < slow:
            n, m = take_word(
                np.int64(words[i]), i, state, counts, width, height,
                t, x, y, p, n, trigger_t, channel, value, m,
            )  # fmt: skip
            i += 1
    state[LAST_UNKNOWN] = max(state[LAST_UNKNOWN] - len(words), LONG_AGO)
    return n, m
