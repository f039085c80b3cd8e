"""Encoding `libcaer_cmp` of EventPacket: iniVation's events packed into 16-bit words.

Little-endian with the type in the top four bits (documentation of libcaer_driver): the high and
the low 12 bits of the time in us after the packet's `time_base`, x address, y address (an event),
a base in y with vectors of 8 events. The driver emits only the low four bits of the high time, so
that it rolls over every 65.5 ms; within a packet that is undone here.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.decoder import Decoder, columns

TIME_HIGH, TIME_LOW, ADDR_X, ADDR_Y, VECT_BASE_Y, VECT_8, VECT_12 = range(7)
UNKNOWN, UNPLACED, OUTSIDE, BACKWARD, CUT = range(5)
REASONS = (
    "unknown words",
    "events without time or place",
    "events outside",
    "steps back in time",
    "bytes of cut words",
)
# Fields of the state; times in us since the packet's base, OVER in steps of the high time.
HIGH, LOW, OVER, WIDEST, X, BASE_Y, BASE_P, SEEN, LAST = range(9)
SEEN_X, SEEN_BASE = 1, 2


class LibcaerCmpDecoder(Decoder):
    """Events in `libcaer_cmp`; sensors of up to 2048x2048."""

    word = "u2"
    reasons = REASONS

    def _forget(self) -> None:
        self._base = 0
        self._state = np.zeros(9, dtype=np.int64)
        self._state[LAST] = -(1 << 62)

    def after_loss(self) -> None:
        """Packets are missing here: believe no column or vector base before the next ones."""
        super().after_loss()
        self._state[SEEN] = 0

    def begin_packet(self, time_base: int) -> None:
        """A packet begins, whose time base is so many ns; its time starts there."""
        self._base = time_base
        self._state[[HIGH, LOW, OVER, WIDEST]] = 0
        self._counts[CUT] += len(self._rest)
        self._rest = b""

    def _decode(self, words: NDArray[np.unsignedinteger]) -> tuple[Events, Triggers]:
        t, x, y, p = columns(_capacity(words))
        base_us, fine_ns = divmod(self._base, 1000)
        n = _decode(words, self._state, self._counts, base_us, self.width, self.height, t, x, y, p)
        fine = np.full(n, fine_ns, dtype=np.uint16) if fine_ns else None
        events = Events(t[:n], x[:n], y[:n], p[:n], self.width, self.height, fine)
        return events, Triggers.none()


@numba.njit(cache=True)
def _capacity(words: NDArray[np.uint16]) -> int:
    """Upper bound of the events in `words`, so that no write needs a check."""
    events = 0
    for i in range(len(words)):
        kind = words[i] >> 12
        events += (kind == ADDR_Y) + 8 * (kind == VECT_8) + 12 * (kind == VECT_12)
    return events


@numba.njit(cache=True)
def _take_high(value: int, state: NDArray[np.int64]) -> None:
    """Unwrap the high time, whose range is known by the largest value of this packet."""
    state[WIDEST] = max(state[WIDEST], value)
    steps = 16 if state[WIDEST] < 16 else 4096
    if state[HIGH] - value > steps // 2:
        state[OVER] += steps
    if value != state[HIGH]:
        state[LOW] = 0
    state[HIGH] = value


@numba.njit(cache=True)
def _decode(
    words: NDArray[np.uint16],
    state: NDArray[np.int64],
    counts: NDArray[np.int64],
    base_us: int,
    width: int,
    height: int,
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
) -> int:
    n = 0
    for i in range(len(words)):
        word = np.int64(words[i])
        kind, low12, low11 = word >> 12, word & 0xFFF, word & 0x7FF
        if kind == TIME_LOW:
            state[LOW] = low12
        elif kind == TIME_HIGH:
            _take_high(low12, state)
        elif kind == ADDR_X:
            state[X] = low11
            state[SEEN] |= SEEN_X
        elif kind == VECT_BASE_Y:
            state[BASE_Y], state[BASE_P] = low11, (word >> 11) & 1
            state[SEEN] |= SEEN_BASE
        elif kind <= VECT_12:
            single = kind == ADDR_Y
            length = 1 if single else (8 if kind == VECT_8 else 12)
            bits = 1 if single else low12 & ((1 << length) - 1)
            base = low11 if single else state[BASE_Y]
            polarity = (word >> 11) & 1 if single else state[BASE_P]
            placed = state[SEEN] & SEEN_X and (single or state[SEEN] & SEEN_BASE)
            now = base_us + ((state[OVER] + state[HIGH]) << 12) + state[LOW]
            for bit in range(length):
                if (bits >> bit) & 1:
                    if not placed:
                        counts[UNPLACED] += 1
                    elif state[X] >= width or base + bit >= height:
                        counts[OUTSIDE] += 1
                    else:
                        t[n], x[n], y[n], p[n] = now, state[X], base + bit, polarity
                        n += 1
                        counts[BACKWARD] += now < state[LAST]
                        state[LAST] = now
            if not single:
                # Bounded, so that a corrupt stream of vectors can't carry it out of 64 bits.
                state[BASE_Y] = min(state[BASE_Y] + length, 1 << 16)
        else:
            counts[UNKNOWN] += 1
    return n
