"""Encoding `libcaer` of EventPacket: polarity events as iniVation's library has them in memory.

64 bits each, little-endian: a mark that the event is valid, the polarity, 15 bits each of row and
column, and a signed 32-bit time in us (libcaer documentation, "polarity.h"). The packet's
`time_base`, ns, holds the host's time at the camera's start and the high part of the sensor's
time; the 31 bits roll over within a packet only, which is done here.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.decoder import Decoder, columns

OUTSIDE, BACKWARD, CUT, NEGATIVE, INVALID = range(5)
REASONS = (
    "events outside",
    "steps back in time",
    "bytes of cut words",
    "events of negative time",
    "events marked as invalid, kept",
)
ROLL_OVER_US = 1 << 31
HALF = ROLL_OVER_US // 2
# Fields of the state: what the roll-overs of this packet add, and the last low time and time, us.
OVER, LAST_LOW, LAST = range(3)


class LibcaerDecoder(Decoder):
    """Events in `libcaer`; sensors of up to 32768x32768."""

    word = "u8"
    reasons = REASONS
    largest = 32768

    def _forget(self) -> None:
        self._base = 0
        self._state = np.array([0, 0, -(1 << 62)], dtype=np.int64)

    def begin_packet(self, time_base: int) -> None:
        """A packet begins, whose time base is so many ns; words don't go on from the last one."""
        self._base = time_base
        self._state[[OVER, LAST_LOW]] = 0
        self._counts[CUT] += len(self._rest)
        self._rest = b""

    def _decode(self, words: NDArray[np.unsignedinteger]) -> tuple[Events, Triggers]:
        t, x, y, p = columns(len(words))
        base_us, fine_ns = divmod(self._base, 1000)
        n = _decode(words, self._state, self._counts, base_us, self.width, self.height, t, x, y, p)
        fine = np.full(n, fine_ns, dtype=np.uint16) if fine_ns else None
        events = Events(t[:n], x[:n], y[:n], p[:n], self.width, self.height, fine)
        return events, Triggers.none()


@numba.njit(cache=True)
def _decode(
    words: NDArray[np.uint64],
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
        data = np.int64(words[i] & np.uint64(0xFFFFFFFF))
        low = np.int64(words[i] >> np.uint64(32))
        column, row = data >> 17, (data >> 2) & 0x7FFF
        if low >= ROLL_OVER_US:
            counts[NEGATIVE] += 1
            continue
        if column >= width or row >= height:
            counts[OUTSIDE] += 1
            continue
        if state[LAST_LOW] - low > HALF:
            state[OVER] += ROLL_OVER_US
        state[LAST_LOW] = low
        now = base_us + state[OVER] + low
        counts[INVALID] += 1 - (data & 1)
        counts[BACKWARD] += now < state[LAST]
        state[LAST] = now
        t[n], x[n], y[n], p[n] = now, column, row, (data >> 1) & 1
        n += 1
    return n
