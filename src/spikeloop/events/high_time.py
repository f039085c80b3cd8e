"""The high part of a sensor's time, which rolls over and may be corrupt (EVT2, EVT2.1, EVT3).

A high time far from the last one that is trusted is used, but moves the trusted one, and with it
the number of roll-overs, only when the next high time continues from it. So false words can't add
up. Two words of reserved types close together mean that this isn't the format at all: from there
until a high time that fits, nothing is believed.

The functions work on a decoder's `state`, an array of int64 that begins with the fields below, and
on its `counts`, which begin with UNKNOWN and DOUBTED.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

# HIGH and TRUSTED count steps of the high time since the start of the sensor's time, roll-overs
# included; they differ while HIGH is in doubt.
HIGH, TRUSTED, LOW, SEEN, LAST_UNKNOWN, LAST_TIME = range(6)
FIELDS = 6
# Bits of SEEN: what is known of the stream. STARTED is never lost, the others are after corruption;
# decoders have further ones from 16 on.
STARTED, SEEN_HIGH, SEEN_LOW = 1, 2, 4
UNKNOWN, DOUBTED, UNPLACED, OUTSIDE, BACKWARD = range(5)
REASONS = (
    "unknown words",
    "time words not believed",
    "events without time or place",
    "events outside",
    "steps back in time",
)

NEAR_US = 65_536
"""What is trusted at once. Cameras repeat the word far oftener."""
REACH_US = 67_108_864
"""Beyond that a high time doesn't confirm the one before: two words of noise would in half of the
cases. It is more than the whole range of EVT3."""
CLOSE = 16
"""Two unknown words within so many words are noise: there, five of sixteen words are unknown."""
QUIET = 64
"""So many words without an unknown one end the noise, which gives that once in 4e10 places."""
LONG_AGO = -(1 << 40)


@numba.njit(cache=True)
def take_high(
    value: int,
    i: int,
    state: NDArray[np.int64],
    counts: NDArray[np.int64],
    bits: int,
    low_bits: int,
) -> None:
    """Take a high time of so many bits over a low time of `low_bits`, word `i` of this piece."""
    mask = (1 << bits) - 1
    if not state[SEEN] & SEEN_HIGH and i - state[LAST_UNKNOWN] <= QUIET:
        counts[DOUBTED] += 1
        return
    if not state[SEEN] & STARTED:
        state[HIGH] = state[TRUSTED] = value
    state[SEEN] |= STARTED | SEEN_HIGH
    if state[HIGH] != state[TRUSTED]:
        # The word in doubt holds if it lies on the way from the trusted time to this one.
        further = (value - state[HIGH]) & mask
        if further <= (value - state[TRUSTED]) & mask and further <= REACH_US >> low_bits:
            state[TRUSTED] = state[HIGH]
        else:
            counts[DOUBTED] += 1
    ahead = (value - state[TRUSTED]) & mask
    # From three quarters of the range on it is a step back. Nothing is older than the start.
    if ahead >= 3 * ((mask + 1) >> 2) and state[TRUSTED] + ahead > mask:
        ahead -= mask + 1
    high = state[TRUSTED] + ahead
    if abs(ahead) <= NEAR_US >> low_bits:
        state[TRUSTED] = high
    if high != state[HIGH]:
        # The low part follows at once; the old one would be a jump ahead till then.
        state[LOW] = 0
    state[HIGH] = high


@numba.njit(cache=True)
def take_unknown(i: int, state: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    """Count a word of a reserved type, number `i` of this piece; a second one soon is noise."""
    counts[UNKNOWN] += 1
    if i - state[LAST_UNKNOWN] <= CLOSE:
        state[SEEN] &= STARTED
        if state[HIGH] != state[TRUSTED]:
            counts[DOUBTED] += 1
            state[HIGH] = state[TRUSTED]
    state[LAST_UNKNOWN] = i


def fresh_state(fields: int) -> NDArray[np.int64]:
    """The state before the first word, of so many fields in all."""
    state = np.zeros(fields, dtype=np.int64)
    state[LAST_UNKNOWN] = state[LAST_TIME] = LONG_AGO
    return state
