"""Decoder of EVT3, the 16-bit format of Prophesee's sensors.

Each word is little-endian with its type in the top four bits (Metavision documentation, "EVT 3.0
Format"): y address, x address (an event), vector base and vectors of 12 or 8 events, the low and
the high 12 bits of the time in us, external triggers. The 24-bit time rolls over every 16.8 s.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers

ADDR_Y, ADDR_X, VECT_BASE_X, VECT_12, VECT_8 = 0x0, 0x2, 0x3, 0x4, 0x5
TIME_LOW, CONTINUED_4, TIME_HIGH, EXT_TRIGGER = 0x6, 0x7, 0x8, 0xA
OTHERS, CONTINUED_12 = 0xE, 0xF

# Fields of the decoder's state, kept between calls.
HIGH, LOW, OVERFLOW, Y, BASE_X, BASE_P, SEEN = range(7)
SEEN_HIGH, SEEN_LOW, SEEN_Y = 1, 2, 4
# Fields of the counts.
UNKNOWN, BEFORE_TIME, OUTSIDE, BACKWARD = range(4)
REASONS = ("unknown words", "events before the first time", "events outside", "steps back in time")

HALF_RANGE = 2048
"""A high time that falls by more than half its range has rolled over; by less, it stepped back."""


class Evt3Decoder:
    """Stateful decoder: the result doesn't depend on where the stream is cut, even at odd bytes.

    What can't be used is left out and counted in `counts`, never silently.
    """

    def __init__(self, width: int, height: int) -> None:
        """Decode for a sensor of `width` x `height`; events outside are counted, not returned.

        Raises:
            ValueError: a size that the format's 11-bit addresses can't have.

        """
        if not (0 < width <= 2048 and 0 < height <= 2048):
            raise ValueError(f"sensor size {width}x{height} must be between 1x1 and 2048x2048")
        self.width, self.height = width, height
        self.reset()

    def reset(self) -> None:
        """Forget time, addresses and counts, as for a new stream."""
        self._state = np.zeros(7, dtype=np.int64)
        self._counts = np.zeros(len(REASONS), dtype=np.int64)
        self._odd = b""

    @property
    def counts(self) -> dict[str, int]:
        """What was left out so far, by reason."""
        return {reason: int(n) for reason, n in zip(REASONS, self._counts, strict=True)}

    def decode(self, data: bytes | memoryview | NDArray[np.uint8]) -> tuple[Events, Triggers]:
        """Decode the next piece of the stream.

        Args:
            data: any number of bytes; an odd one at the end waits for the next piece.

        Returns:
            Its events and triggers, in the order of the stream, with 64-bit time.

        """
        raw = self._odd + bytes(data) if self._odd else data
        buffer = np.frombuffer(raw, dtype=np.uint8)
        even = len(buffer) & ~1
        self._odd = bytes(buffer[even:])
        words = buffer[:even].view("<u2")
        capacity, edges = _capacity(words)
        t, x = np.empty(capacity, np.int64), np.empty(capacity, np.uint16)
        y, p = np.empty(capacity, np.uint16), np.empty(capacity, np.uint8)
        trigger_t, channel = np.empty(edges, np.int64), np.empty(edges, np.uint8)
        value = np.empty(edges, np.uint8)
        n, m = _decode(
            words,
            self._state,
            self._counts,
            self.width,
            self.height,
            t,
            x,
            y,
            p,
            trigger_t,
            channel,
            value,
        )
        events = Events(t[:n], x[:n], y[:n], p[:n], self.width, self.height)
        return events, Triggers(trigger_t[:m], channel[:m], value[:m])


@numba.njit(cache=True)
def _capacity(words: NDArray[np.uint16]) -> tuple[int, int]:
    """Upper bounds of the events and triggers in `words`, so that no write needs a check."""
    events = triggers = 0
    for i in range(len(words)):
        kind = words[i] >> 12
        if kind == ADDR_X:
            events += 1
        elif kind == VECT_12:
            events += 12
        elif kind == VECT_8:
            events += 8
        elif kind == EXT_TRIGGER:
            triggers += 1
    return events, triggers


@numba.njit(cache=True)
def _decode(
    words: NDArray[np.uint16],
    state: NDArray[np.int64],
    counts: NDArray[np.int64],
    width: int,
    height: int,
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    trigger_t: NDArray[np.int64],
    channel: NDArray[np.uint8],
    value: NDArray[np.uint8],
) -> tuple[int, int]:
    n = m = 0
    ready = SEEN_HIGH | SEEN_LOW | SEEN_Y
    for i in range(len(words)):
        word = np.int64(words[i])
        kind, low12, low11 = word >> 12, word & 0xFFF, word & 0x7FF
        now = (state[OVERFLOW] << 24) | (state[HIGH] << 12) | state[LOW]
        if kind == ADDR_X:
            if state[SEEN] != ready:
                counts[BEFORE_TIME] += 1
            elif low11 >= width or state[Y] >= height:
                counts[OUTSIDE] += 1
            else:
                t[n], x[n], y[n], p[n] = now, low11, state[Y], (word >> 11) & 1
                n += 1
        elif kind == ADDR_Y:
            state[Y] = low11
            state[SEEN] |= SEEN_Y
        elif kind == TIME_LOW:
            if low12 < state[LOW]:
                counts[BACKWARD] += 1
            state[LOW] = low12
            state[SEEN] |= SEEN_LOW
        elif kind == TIME_HIGH:
            if low12 < state[HIGH]:
                if state[HIGH] - low12 > HALF_RANGE:
                    state[OVERFLOW] += 1
                else:
                    counts[BACKWARD] += 1
            if low12 != state[HIGH]:
                # The low part follows at once; the old one would be a jump ahead till then.
                state[LOW] = 0
            state[HIGH] = low12
            state[SEEN] |= SEEN_HIGH
        elif kind == VECT_BASE_X:
            state[BASE_X] = low11
            state[BASE_P] = (word >> 11) & 1
        elif kind == VECT_12 or kind == VECT_8:
            length = 12 if kind == VECT_12 else 8
            for bit in range(length):
                if (word >> bit) & 1:
                    column = state[BASE_X] + bit
                    if state[SEEN] != ready:
                        counts[BEFORE_TIME] += 1
                    elif column >= width or state[Y] >= height:
                        counts[OUTSIDE] += 1
                    else:
                        t[n], x[n], y[n], p[n] = now, column, state[Y], state[BASE_P]
                        n += 1
            # Bounded, so that a corrupt stream of vectors can't carry it out of 64 bits.
            state[BASE_X] = min(state[BASE_X] + length, 1 << 16)
        elif kind == EXT_TRIGGER:
            if state[SEEN] & (SEEN_HIGH | SEEN_LOW) != SEEN_HIGH | SEEN_LOW:
                counts[BEFORE_TIME] += 1
            else:
                trigger_t[m], channel[m], value[m] = now, (word >> 8) & 0xF, word & 1
                m += 1
        elif kind != CONTINUED_4 and kind != OTHERS and kind != CONTINUED_12:
            counts[UNKNOWN] += 1
    return n, m
