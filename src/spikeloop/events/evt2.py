"""EVT2, the 32-bit format of Prophesee's sensors (Metavision documentation, "EVT 2.0 Format").

Each word is little-endian: its type in the top four bits, the low 6 bits of the time, and 11 bits
each of column and row; or the high 28 bits of the time in us, or an external trigger. The 34-bit
time rolls over every 4.8 h. Inertial data and what belongs to monitoring is known and passed over.
How corrupt words are survived is in `high_time`.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.decoder import Decoder, columns, edges
from spikeloop.events.high_time import (
    BACKWARD,
    FIELDS,
    HIGH,
    LAST_TIME,
    LAST_UNKNOWN,
    LONG_AGO,
    OUTSIDE,
    REASONS,
    SEEN,
    SEEN_HIGH,
    STARTED,
    TRUSTED,
    UNPLACED,
    fresh_state,
    take_high,
    take_unknown,
)

OFF, ON, TIME_HIGH, EXT_TRIGGER, IMU, OTHERS, CONTINUED = 0x0, 0x1, 0x8, 0xA, 0xD, 0xE, 0xF
HIGH_BITS, LOW_BITS = 28, 6
KNOWN = 1 << IMU | 1 << OTHERS | 1 << CONTINUED
"""A bit for each type of word that is passed over."""


class Evt2Decoder(Decoder):
    """EVT2; times are the sensor's, roll-overs unwrapped; sensors of up to 2048x2048."""

    word = "u4"
    reasons = REASONS

    def _forget(self) -> None:
        self._state = fresh_state(FIELDS)

    def after_loss(self) -> None:
        """Packets are missing here: believe no time before the next high one."""
        super().after_loss()
        self._state[SEEN] &= STARTED

    def _decode(self, words: NDArray[np.unsignedinteger]) -> tuple[Events, Triggers]:
        size, triggers = _capacity(words)
        t, x, y, p = columns(size)
        trigger_t, channel, value = edges(triggers)
        n, m = _decode(
            words, self._state, self._counts, self.width, self.height,
            t, x, y, p, trigger_t, channel, value,
        )  # fmt: skip
        events = Events(t[:n], x[:n], y[:n], p[:n], self.width, self.height)
        return events, Triggers(trigger_t[:m], channel[:m], value[:m])


@numba.njit(cache=True)
def _capacity(words: NDArray[np.uint32]) -> tuple[int, int]:
    """Upper bounds of the events and triggers in `words`, so that no write needs a check."""
    events = triggers = 0
    for i in range(len(words)):
        kind = words[i] >> 28
        events += kind <= ON
        triggers += kind == EXT_TRIGGER
    return events, triggers


@numba.njit(cache=True)
def take_rare(
    word: int,
    i: int,
    known: int,
    state: NDArray[np.int64],
    counts: NDArray[np.int64],
    trigger_t: NDArray[np.int64],
    channel: NDArray[np.uint16],
    value: NDArray[np.uint8],
    m: int,
) -> int:
    """Take a trigger or a word that is passed over or unknown; returns the number of triggers.

    EVT2.1 has the same ones in its main halves. `i` is the word's number in this piece, `known` the
    types that are passed over. High times are too frequent to be taken here.
    """
    if word >> 28 == EXT_TRIGGER:
        if not state[SEEN] & SEEN_HIGH:
            counts[UNPLACED] += 1
        else:
            trigger_t[m] = (state[HIGH] << LOW_BITS) | ((word >> 22) & 0x3F)
            channel[m], value[m] = (word >> 8) & 0x1F, word & 1
            m += 1
    elif not (known >> (word >> 28)) & 1:
        take_unknown(i, state, counts)
    return m


@numba.njit(cache=True)
def _decode(
    words: NDArray[np.uint32],
    state: NDArray[np.int64],
    counts: NDArray[np.int64],
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
    n = m = 0
    last, back = state[LAST_TIME], 0
    for i in range(len(words)):
        word = np.int64(words[i])
        kind = word >> 28
        now = (state[HIGH] << LOW_BITS) | ((word >> 22) & 0x3F)
        if kind <= ON:
            column, row = (word >> 11) & 0x7FF, word & 0x7FF
            if not state[SEEN] & SEEN_HIGH:
                counts[UNPLACED] += 1
            elif column >= width or row >= height:
                counts[OUTSIDE] += 1
            else:
                t[n], x[n], y[n], p[n] = now, column, row, kind
                n += 1
                back += now < last
                last = now
        elif kind == TIME_HIGH:
            value28 = word & 0xFFFFFFF
            same = value28 == state[HIGH] & 0xFFFFFFF and state[HIGH] == state[TRUSTED]
            if not (same and state[SEEN] & SEEN_HIGH):
                take_high(value28, i, state, counts, HIGH_BITS, LOW_BITS)
        else:
            m = take_rare(word, i, KNOWN, state, counts, trigger_t, channel, value, m)
    state[LAST_TIME] = last
    counts[BACKWARD] += back
    state[LAST_UNKNOWN] = max(state[LAST_UNKNOWN] - len(words), LONG_AGO)
    return n, m
