"""Events to the bytes of one EventPacket after the other, fast, each to be read by itself.

`evt3`: a packet begins with the time and row that a reader has to know, so that one who comes late
or lost a packet can read it; between packets the high time goes on, so that a reader who stays
misses no roll-over of its 24 bits. Vectors aren't written: they take longer to find than they save.
`mono`: 64-bit words with a time base for each packet (see `mono.py`); it keeps nanoseconds, and
holds no triggers.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.evt3_encoder import BACK, BRIDGE, LARGEST, MOST_BRIDGES, EncodingError
from spikeloop.events.mono import SPAN_NS

ENCODINGS = ("evt3", "mono")
LARGEST_MONO = 32768
# Fields of the state: high time, low time and row that the reader has.
HIGH, LOW, ROW = range(3)
NONE = -(1 << 62)
"""A high time that no event has, not even one of a negative time."""


class Encoded(NamedTuple):
    """What goes into an EventPacket.

    Attributes:
        time_base: ns; 0 for evt3, whose words carry the time.
        data: (n,) uint8, little-endian words.

    """

    time_base: int
    data: NDArray[np.uint8]


class PacketEncoder:
    """Encodes pieces of one sensor's stream, one packet a piece."""

    def __init__(self, width: int, height: int, encoding: str) -> None:
        """Encode for a sensor of this size.

        Raises:
            EncodingError: the encoding isn't evt3 or mono, or the sensor is too large for it.

        """
        if encoding not in ENCODINGS:
            raise EncodingError(f"encoding must be one of {', '.join(ENCODINGS)}, not '{encoding}'")
        most = LARGEST if encoding == "evt3" else LARGEST_MONO
        if max(width, height) > most:
            raise EncodingError(
                f"{encoding} holds sensors of up to {most}x{most}, not {width}x{height}"
            )
        self.width, self.height, self.encoding = width, height, encoding
        self.reset()

    def reset(self) -> None:
        """Begin a new stream, whose time may be earlier."""
        self._state = np.array([NONE, -1, -1], dtype=np.int64)

    def encode(self, events: Events, triggers: Triggers | None = None) -> Encoded:
        """The next packet; it may be empty.

        Args:
            events: in order, times from 0 on.
            triggers: merged into the stream by time; `mono` can't hold any.

        Raises:
            EncodingError: the format can't hold these times, or these triggers.

        """
        if self.encoding == "mono":
            if triggers is not None and len(triggers):
                raise EncodingError("mono can't hold triggers")
            return _mono(events)
        edges = Triggers.none() if triggers is None else triggers
        n, m = len(events), len(edges)
        words = np.empty(4 * (n + m) + 64, np.uint16)
        columns = (events.t, events.x, events.y, events.p, edges.t, edges.channel, edges.value)
        state = self._state.copy()
        size = _encode(*columns, state, words)
        if size < 0:
            # Room for the steps that bridge a quiet time as well.
            words = np.empty(len(words) + 2 * MOST_BRIDGES, np.uint16)
            state = self._state.copy()
            size = _encode(*columns, state, words)
        if size < 0:
            raise EncodingError(
                "times are below 0, or fall by more than 4 s, or rise by more than 47 days, which "
                "EVT3 can't hold"
            )
        self._state = state
        return Encoded(0, words[:size].astype("<u2", copy=False).view(np.uint8))


def _mono(events: Events) -> Encoded:
    if not len(events):
        return Encoded(0, np.empty(0, np.uint8))
    first, last = int(events.t.min()), int(events.t.max())
    if first < 0 or 1000 * (last + 1 - first) > SPAN_NS:
        raise EncodingError(
            f"a packet of mono holds times from 0 on within 4.29 s, not from {first} to {last} us"
        )
    words = np.empty(len(events), np.uint64)
    fine = events.y if events.fine is None else events.fine
    _pack(events.t, events.x, events.y, events.p, fine, events.fine is not None, first, words)
    return Encoded(1000 * first, words.astype("<u8", copy=False).view(np.uint8))


@numba.njit(cache=True)
def _pack(
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    fine: NDArray[np.uint16],
    is_fine: bool,
    first: int,
    words: NDArray[np.uint64],
) -> None:
    for i in range(len(t)):
        time = np.uint64(1000 * (t[i] - first))
        if is_fine:
            time += np.uint64(fine[i])
        words[i] = (
            time
            | (np.uint64(x[i]) << np.uint64(32))
            | (np.uint64(y[i]) << np.uint64(48))
            | (np.uint64(p[i]) << np.uint64(63))
        )


@numba.njit(cache=True)
def _step(high: int, state: NDArray[np.int64], words: NDArray[np.uint16], n: int, rest: int) -> int:
    """Bring the reader's high time to `high`; the new number of words, -1 where it can't be.

    `rest` words must still have room behind.
    """
    at = state[HIGH]
    if high < 0 or (at >= 0 and (at - high > BRIDGE or (high - at) // BRIDGE > MOST_BRIDGES)):
        return -1
    if at >= 0:
        steps = (high - at) // BRIDGE if high > at else (at - high) // BACK
        if n + steps + 2 + rest > len(words):
            return -1
        while high - at > BRIDGE:
            at += BRIDGE
            words[n] = np.uint16(0x8000 | (at & 0xFFF))
            n += 1
        while at - high > BACK:
            at -= BACK
            words[n] = np.uint16(0x8000 | (at & 0xFFF))
            n += 1
    words[n] = np.uint16(0x8000 | (high & 0xFFF))
    state[HIGH], state[LOW] = high, -1
    return n + 1


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
    """The number of words written; -1 where the times can't be held or there is too little room."""
    n, j = np.uint64(0), 0
    if state[HIGH] >= 0:
        words[0] = np.uint16(0x8000 | (state[HIGH] & 0xFFF))
        n = np.uint64(1)
    state[LOW], state[ROW] = -1, -1
    high, low, row = state[HIGH], np.int64(-1), np.int64(-1)
    begin, total = 0, len(t) + len(trigger_t)
    while begin < len(t) or j < len(trigger_t):
        # Events up to the next trigger, which comes first where the times are equal.
        end = len(t)
        if j < len(trigger_t):
            end = begin
            while end < len(t) and t[end] < trigger_t[j]:
                end += 1
        for i in range(begin, end):
            now = t[i]
            if now >> 12 != high:
                high = now >> 12
                moved = _step(high, state, words, np.int64(n), 4 * (total - i))
                if moved < 0:
                    return -1
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
        begin = end
        if j < len(trigger_t):
            now = trigger_t[j]
            if now >> 12 != high:
                high = now >> 12
                moved = _step(high, state, words, np.int64(n), 4 * (total - begin - j))
                if moved < 0:
                    return -1
                n, low = np.uint64(moved), np.int64(-1)
            words[n] = np.uint16(0x6000 | (now & 0xFFF))
            low = now & 0xFFF
            words[n + np.uint64(1)] = np.uint16(0xA000 | ((channel[j] & 0xF) << 8) | value[j])
            n += np.uint64(2)
            j += 1
    return int(np.int64(n))
