"""EVT2.1, the 64-bit format of Prophesee's sensors, in both its forms.

As EVT2, but an event word stands for up to 32 events side by side in a row, whose bits fill the
other half (Metavision documentation, "EVT 2.1 Format"). In the present form, type, time and
address are the upper half of a little-endian word, in the legacy form the lower one. Neither a
packet nor every file says which it is; the first high time does, for its other half is empty, and
before it no event has a time anyway.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.decoder import Decoder, columns, edges
from spikeloop.events.evt2 import (
    CONTINUED,
    EXT_TRIGGER,
    HIGH_BITS,
    LOW_BITS,
    OFF,
    ON,
    OTHERS,
    TIME_HIGH,
    take_rare,
)
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
)

FORM = FIELDS
UNDECIDED, PRESENT, LEGACY = range(3)
FORMLESS = len(REASONS)
KNOWN = 1 << OTHERS | 1 << CONTINUED
"""A bit for each type of word that is passed over."""


class Evt21Decoder(Decoder):
    """EVT2.1; times are the sensor's, roll-overs unwrapped; sensors of up to 2048x2048."""

    word = "u8"
    reasons = (*REASONS, "words before the first time")
    form = UNDECIDED
    """Which form the stream has, where that is known beforehand."""

    def _forget(self) -> None:
        self._state = fresh_state(FIELDS + 1)
        self._state[FORM] = self.form

    def after_loss(self) -> None:
        """Packets are missing here: believe no time before the next high one."""
        super().after_loss()
        self._state[SEEN] &= STARTED

    def _decode(self, words: NDArray[np.unsignedinteger]) -> tuple[Events, Triggers]:
        state = self._state
        if state[FORM] == UNDECIDED:
            state[FORM], first = _form(words)
            self._counts[FORMLESS] += first
            words = words[first:]
        halves = words.view(np.uint32).reshape(-1, 2)
        if np.little_endian == (state[FORM] == LEGACY):
            main, bits = halves[:, 0], halves[:, 1]
        else:
            main, bits = halves[:, 1], halves[:, 0]
        size, triggers = _capacity(main, bits)
        t, x, y, p = columns(size)
        trigger_t, channel, value = edges(triggers)
        n, m = _decode(
            main, bits, state, self._counts, self.width, self.height,
            t, x, y, p, trigger_t, channel, value,
        )  # fmt: skip
        events = Events(t[:n], x[:n], y[:n], p[:n], self.width, self.height)
        return events, Triggers(trigger_t[:m], channel[:m], value[:m])


class LegacyEvt21Decoder(Evt21Decoder):
    """EVT2.1 that is known to be in the legacy form."""

    form = LEGACY


class PresentEvt21Decoder(Evt21Decoder):
    """EVT2.1 that is known to be in the present form."""

    form = PRESENT


@numba.njit(cache=True)
def _form(words: NDArray[np.uint64]) -> tuple[int, int]:
    """The form that the first high time has, and its index; the number of words without one."""
    for i in range(len(words)):
        upper = np.int64(words[i] >> np.uint64(32))
        lower = np.int64(words[i] & np.uint64(0xFFFFFFFF))
        if lower == 0 and upper >> 28 == TIME_HIGH:
            return PRESENT, i
        if upper == 0 and lower >> 28 == TIME_HIGH:
            return LEGACY, i
    return UNDECIDED, len(words)


@numba.njit(cache=True)
def _set_bits(bits: np.uint32) -> int:
    count = 0
    while bits:
        bits &= bits - np.uint32(1)
        count += 1
    return count


@numba.njit(cache=True)
def _capacity(main: NDArray[np.uint32], bits: NDArray[np.uint32]) -> tuple[int, int]:
    """Upper bounds of the events and triggers, so that no write needs a check."""
    events = triggers = 0
    for i in range(len(main)):
        kind = main[i] >> 28
        if kind <= ON:
            events += _set_bits(bits[i])
        triggers += kind == EXT_TRIGGER
    return events, triggers


@numba.njit(cache=True)
def _decode(
    main: NDArray[np.uint32],
    bits: NDArray[np.uint32],
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
    for i in range(len(main)):
        word = np.int64(main[i])
        kind = word >> 28
        now = (state[HIGH] << LOW_BITS) | ((word >> 22) & 0x3F)
        if kind == OFF or kind == ON:
            base, row = (word >> 11) & 0x7FF, word & 0x7FF
            timed = state[SEEN] & SEEN_HIGH
            for bit in range(32):
                if (bits[i] >> np.uint32(bit)) & 1:
                    if not timed:
                        counts[UNPLACED] += 1
                    elif base + bit >= width or row >= height:
                        counts[OUTSIDE] += 1
                    else:
                        t[n], x[n], y[n], p[n] = now, base + bit, row, kind
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
    state[LAST_UNKNOWN] = max(state[LAST_UNKNOWN] - len(main), LONG_AGO)
    return n, m
