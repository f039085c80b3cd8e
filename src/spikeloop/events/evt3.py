"""Decoder of EVT3, the 16-bit format of Prophesee's sensors.

Each word is little-endian with its type in the top four bits (Metavision documentation, "EVT 3.0
Format"): y address, x address (an event), vector base and vectors of 12 or 8 events, the low and
the high 12 bits of the time in us, external triggers. The 24-bit time rolls over every 16.8 s.

How corrupt words are survived: a high time far from the last one that is trusted is used, but moves
the trusted one, and with it the number of roll-overs, only when the next high time continues from
it. So false words can't add up. Two words of reserved types close together mean that these aren't
EVT3 words at all: from there until a high time that fits, nothing is believed.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers

ADDR_Y, ADDR_X, VECT_BASE_X, VECT_12, VECT_8 = 0x0, 0x2, 0x3, 0x4, 0x5
TIME_LOW, CONTINUED_4, TIME_HIGH, EXT_TRIGGER = 0x6, 0x7, 0x8, 0xA
OTHERS, CONTINUED_12 = 0xE, 0xF

# Fields of the decoder's state, kept between calls. HIGH and TRUSTED count steps of 4096 us since
# the start of the sensor's time, roll-overs included; they differ while HIGH is in doubt.
HIGH, TRUSTED, LOW, Y, BASE_X, BASE_P, SEEN, LAST_UNKNOWN, LAST_TIME = range(9)
# Bits of SEEN: what is known of the stream. STARTED is never lost, the others are after corruption.
STARTED, SEEN_HIGH, SEEN_LOW, SEEN_Y, SEEN_BASE = 1, 2, 4, 8, 16
TIMED = SEEN_HIGH | SEEN_LOW
READY = TIMED | SEEN_Y
# Fields of the counts.
UNKNOWN, DOUBTED, UNPLACED, OUTSIDE, BACKWARD = range(5)
REASONS = (
    "unknown words",
    "time words not believed",
    "events without time or place",
    "events outside",
    "steps back in time",
)

NEAR = 16
"""Steps of the high time (65 ms) that are trusted at once. Cameras repeat the word far oftener."""
BEHIND = 3072
"""From here on a difference modulo 4096 is a step back (at most 4.2 s), not a roll-over."""
CLOSE = 16
"""Two unknown words within so many words are noise: there, five of sixteen words are unknown."""
QUIET = 64
"""So many words without an unknown one end the noise, which gives that once in 4e10 places."""
LONG_AGO = -(1 << 40)


class Evt3Decoder:
    """Stateful decoder: the result doesn't depend on where the stream is cut, even at odd bytes.

    What can't be used is left out and counted in `counts`, never silently. Times are the sensor's,
    roll-overs unwrapped; a packet's `time_base` plays no part in this encoding.
    """

    def __init__(self, width: int, height: int, *, big_endian: bool = False) -> None:
        """Decode for a sensor of `width` x `height`; events outside are counted, not returned.

        Raises:
            ValueError: a size that the format's 11-bit addresses can't have.

        """
        if not (0 < width <= 2048 and 0 < height <= 2048):
            raise ValueError(f"sensor size {width}x{height} must be between 1x1 and 2048x2048")
        self.width, self.height = width, height
        self._words = np.dtype(">u2" if big_endian else "<u2")
        self.reset()

    def reset(self) -> None:
        """Forget time, addresses and counts, as for a new stream."""
        self._state = np.zeros(9, dtype=np.int64)
        self._state[LAST_UNKNOWN] = self._state[LAST_TIME] = LONG_AGO
        self._counts = np.zeros(len(REASONS), dtype=np.int64)
        self._odd = b""

    def after_loss(self) -> None:
        """Packets are missing here: believe no row, vector base or time before the next words."""
        self._state[SEEN] &= STARTED
        self._odd = b""

    @property
    def counts(self) -> dict[str, int]:
        """What was left out so far, by reason, and how often an event was older than the last."""
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
        words = buffer[:even].view(self._words).astype(np.uint16, copy=False)
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
def _step(trusted: int, value: int) -> int:
    """How far a high time is from the trusted one, in steps of 4096 us; below 0 is back."""
    ahead = (value - trusted) & 0xFFF
    # Nothing is older than the start of the sensor's time.
    return ahead - 4096 if ahead >= BEHIND and trusted + ahead >= 4096 else ahead


@numba.njit(cache=True)
def _take_high(value: int, i: int, state: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    """Take a high time, word number `i` of this piece."""
    if not state[SEEN] & SEEN_HIGH and i - state[LAST_UNKNOWN] <= QUIET:
        counts[DOUBTED] += 1
        return
    if not state[SEEN] & STARTED:
        state[HIGH] = state[TRUSTED] = value
    state[SEEN] |= STARTED | SEEN_HIGH
    if state[HIGH] != state[TRUSTED]:
        # The word in doubt holds if it lies on the way from the trusted time to this one.
        if (value - state[HIGH]) & 0xFFF <= (value - state[TRUSTED]) & 0xFFF:
            state[TRUSTED] = state[HIGH]
        else:
            counts[DOUBTED] += 1
    step = _step(state[TRUSTED], value)
    high = state[TRUSTED] + step
    if abs(step) <= NEAR:
        state[TRUSTED] = high
    if high != state[HIGH]:
        # The low part follows at once; the old one would be a jump ahead till then.
        state[LOW] = 0
    state[HIGH] = high


@numba.njit(cache=True)
def _take_unknown(i: int, state: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    """Count a word of a reserved type, number `i` of this piece; a second one soon is noise."""
    counts[UNKNOWN] += 1
    if i - state[LAST_UNKNOWN] <= CLOSE:
        state[SEEN] &= STARTED
        if state[HIGH] != state[TRUSTED]:
            counts[DOUBTED] += 1
            state[HIGH] = state[TRUSTED]
    state[LAST_UNKNOWN] = i


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
    now, seen, row = (state[HIGH] << 12) | state[LOW], state[SEEN], state[Y]
    last, back = state[LAST_TIME], 0
    for i in range(len(words)):
        word = np.int64(words[i])
        kind, low12, low11 = word >> 12, word & 0xFFF, word & 0x7FF
        if kind == ADDR_X:
            if seen & READY != READY:
                counts[UNPLACED] += 1
            elif low11 >= width or row >= height:
                counts[OUTSIDE] += 1
            else:
                t[n], x[n], y[n], p[n] = now, low11, row, (word >> 11) & 1
                n += 1
                back += now < last
                last = now
        elif kind == ADDR_Y:
            row = low11
            seen |= SEEN_Y
        elif kind == TIME_LOW:
            now = (now & ~0xFFF) | low12
            seen |= SEEN_LOW
        elif kind == TIME_HIGH:
            if low12 == (now >> 12) & 0xFFF and seen & SEEN_HIGH and state[HIGH] == state[TRUSTED]:
                continue
            state[SEEN], state[LOW] = seen, now & 0xFFF
            _take_high(low12, i, state, counts)
            seen, now = state[SEEN], (state[HIGH] << 12) | state[LOW]
        elif kind == VECT_BASE_X:
            state[BASE_X] = low11
            state[BASE_P] = (word >> 11) & 1
            seen |= SEEN_BASE
        elif kind == VECT_12 or kind == VECT_8:
            length = 12 if kind == VECT_12 else 8
            placed = seen & (READY | SEEN_BASE) == READY | SEEN_BASE
            for bit in range(length):
                if (word >> bit) & 1:
                    column = state[BASE_X] + bit
                    if not placed:
                        counts[UNPLACED] += 1
                    elif column >= width or row >= height:
                        counts[OUTSIDE] += 1
                    else:
                        t[n], x[n], y[n], p[n] = now, column, row, state[BASE_P]
                        n += 1
                        back += now < last
                        last = now
            # Bounded, so that a corrupt stream of vectors can't carry it out of 64 bits.
            state[BASE_X] = min(state[BASE_X] + length, 1 << 16)
        elif kind == EXT_TRIGGER:
            if seen & TIMED != TIMED:
                counts[UNPLACED] += 1
            else:
                trigger_t[m], channel[m], value[m] = now, (word >> 8) & 0xF, word & 1
                m += 1
        elif kind != CONTINUED_4 and kind != OTHERS and kind != CONTINUED_12:
            state[SEEN], state[LOW] = seen, now & 0xFFF
            _take_unknown(i, state, counts)
            seen, now = state[SEEN], (state[HIGH] << 12) | state[LOW]
    state[LOW], state[SEEN], state[Y], state[LAST_TIME] = now & 0xFFF, seen, row, last
    counts[BACKWARD] += back
    state[LAST_UNKNOWN] = max(state[LAST_UNKNOWN] - len(words), LONG_AGO)
    return n, m
