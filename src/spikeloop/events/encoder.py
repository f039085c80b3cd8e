"""What the encoders of EVT words have in common: room, what a format can't hold, the high time.

Order and times come out of the decoder as they went in. A quiet time that is longer than a reader
follows for certain is bridged by high times, so that it misses no roll-over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.bounds import check

LARGEST = 2048
"""Columns and rows that the words' addresses hold."""
HIGH = 0
"""Field of the state: the high time that the reader has."""
NONE = -(1 << 62)
"""A high time that no event has, not even one of a negative time."""
MOST_BRIDGES = 1_000_000
"""A gap of more words is rather a jump of the clock."""
WORDS_EACH, SPARE = 4, 64
"""Words that an event or trigger needs at most, and room for what begins a packet."""
# Instead of a number of words: there is too little room, or the reader can't follow.
FULL, LOST = -1, -2


class EncodingError(ValueError):
    """The format can't hold these events; the message says why."""


def time_origin(first: int, bits: int) -> int:
    """What has to be taken off all times so that a first one fits into so many bits.

    Whole roll-overs, as with a sensor that runs for longer; half of one less where little would be
    left below the first time, for later ones may be before it.
    """
    origin = max(0, first >> bits << bits)
    if origin and first - origin < 1 << (bits - 2):
        origin -= 1 << (bits - 1)
    return origin


class EvtEncoder(ABC):
    """Encodes pieces of one sensor's stream, one behind the other."""

    encoding: ClassVar[str]
    """Its name, as in EventPacket."""
    time_bits: ClassVar[int]
    """Bits of the time that the words hold before it rolls over."""
    word: ClassVar[str]
    """Type of a word, as NumPy names it without the byte order."""
    limits: ClassVar[str]
    """How far times may fall and rise, in words."""

    def __init__(self, width: int, height: int) -> None:
        """Encode for a sensor of this size.

        Raises:
            EncodingError: it is too large for the format.

        """
        if max(width, height) > LARGEST:
            raise EncodingError(
                f"{self.encoding} holds sensors of up to {LARGEST}x{LARGEST}, not {width}x{height}"
            )
        self.width, self.height = width, height
        self.reset()

    def reset(self) -> None:
        """Begin a new stream, whose time may be earlier."""
        self._state = np.array([NONE, -1, -1], dtype=np.int64)

    def encode(self, events: Events, triggers: Triggers) -> NDArray[np.uint8]:
        """The words of a piece, little-endian; times count from 0 on.

        Triggers are merged into the events by time. A piece that is refused changes nothing.

        Raises:
            EncodingError: times are below 0, or fall or rise further than a reader can follow.
            ValueError: events come from a sensor of another size, or lie outside it.

        """
        check(events, self.width, self.height)
        room = WORDS_EACH * (len(events) + len(triggers)) + SPARE
        while True:
            words, state = np.empty(room, self.word), self._state.copy()
            size, failed = self._fill(events, triggers, state, words)
            if size != FULL:
                break
            # Steps that bridge quiet times need more.
            room = 2 * room + MOST_BRIDGES
        if size < 0:
            what, t = ("event", events.t) if failed >= 0 else ("trigger", triggers.t)
            k = failed if failed >= 0 else -failed - 1
            raise EncodingError(
                f"{what} {k} at {t[k]} us: {self.encoding} holds times from 0 on that {self.limits}"
            )
        self._state = state
        return words[:size].astype(f"<{self.word}", copy=False).view(np.uint8)

    @abstractmethod
    def _fill(
        self,
        events: Events,
        triggers: Triggers,
        state: NDArray[np.int64],
        words: NDArray[np.unsignedinteger],
    ) -> tuple[int, int]:
        """The number of words written, or FULL, or LOST with the event, or -1 - the trigger."""


@numba.njit(cache=True)
def step_high(
    high: int,
    state: NDArray[np.int64],
    words: NDArray[np.unsignedinteger],
    n: int,
    rest: int,
    form: tuple[int, int, int, int],
) -> int:
    """Bring the reader's high time to `high`; returns the new number of words, or FULL or LOST.

    `rest` words must still have room behind. `form`: bits of the word's type, those of the time,
    and how many steps ahead and back a reader follows at once.
    """
    kind, mask, ahead, back = form
    at = state[HIGH]
    if high < 0 or (at >= 0 and (at - high > ahead or (high - at) // ahead > MOST_BRIDGES)):
        return LOST
    if at >= 0:
        steps = (high - at) // ahead if high > at else (at - high) // back
        if n + steps + 2 + rest > len(words):
            return FULL
        while high - at > ahead:
            at += ahead
            words[n] = kind | (at & mask)
            n += 1
        while at - high > back:
            at -= back
            words[n] = kind | (at & mask)
            n += 1
    words[n] = kind | (high & mask)
    state[HIGH] = high
    return n + 1


@numba.njit(cache=True)
def before_trigger(
    t: NDArray[np.int64], begin: int, trigger_t: NDArray[np.int64], trigger: int
) -> int:
    """Where the events end that come before a trigger; of equal times the trigger is first."""
    if trigger >= len(trigger_t):
        return len(t)
    end = begin
    while end < len(t) and t[end] < trigger_t[trigger]:
        end += 1
    return end
