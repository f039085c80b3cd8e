"""Encodings `mono` and `trigger` of EventPacket: 64-bit words with a time relative to the packet.

Little-endian: 32 bits of time in ns after the packet's `time_base`, 16 bits of column (`mono`), 15
bits of row or of the trigger's channel, one bit of polarity or edge (documentation of
event_camera_codecs). A packet stands for itself, so nothing rolls over.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.decoder import Decoder, columns

SPAN_NS = 1 << 32
"""A packet can't be longer."""
OUTSIDE, BACKWARD, CUT = range(3)
REASONS = ("events outside", "steps back in time", "bytes of cut words")
ROWS = COLUMNS = 1 << 16
"""More than the words can hold."""
BLOCK = 4096
"""Words that are looked through and then unpacked, so that they stay in the cache."""


class _PacketDecoder(Decoder):
    word = "u8"
    reasons = REASONS
    largest = 32768

    def _forget(self) -> None:
        self._base, self._last = 0, -(1 << 62)

    def begin_packet(self, time_base: int) -> None:
        """A packet begins, whose time base is so many ns; words don't go on from the last one."""
        self._base = time_base
        self._counts[CUT] += len(self._rest)
        self._rest = b""

    def _columns(self, words: NDArray[np.unsignedinteger], width: int, height: int) -> Events:
        """The fields of the words inside `width` x `height`."""
        t, x, y, p = columns(len(words))
        fine = np.empty(len(words), np.uint16)
        base_us, base_ns = divmod(self._base, 1000)
        n, back, has_fine = _unpack(words, base_us, base_ns, width, height, t, x, y, p, fine)
        self._counts[OUTSIDE] += len(words) - n
        self._counts[BACKWARD] += back
        if n:
            self._counts[BACKWARD] += 1000 * int(t[0]) + int(fine[0]) < self._last
            self._last = 1000 * int(t[n - 1]) + int(fine[n - 1])
        rest = fine[:n] if has_fine else None
        return Events(t[:n], x[:n], y[:n], p[:n], width, height, rest)


class MonoDecoder(_PacketDecoder):
    """Events in `mono`; sensors of up to 32768x32768."""

    def _decode(self, words: NDArray[np.unsignedinteger]) -> tuple[Events, Triggers]:
        return self._columns(words, self.width, self.height), Triggers.none()


class TriggerDecoder(_PacketDecoder):
    """Triggers in `trigger`; there are no events in it."""

    def _decode(self, words: NDArray[np.unsignedinteger]) -> tuple[Events, Triggers]:
        edges = self._columns(words, COLUMNS, ROWS)
        triggers = Triggers(edges.t, edges.y, edges.p, edges.fine)
        return Events.none(self.width, self.height), triggers


@numba.njit(cache=True)
def _unpack(
    words: NDArray[np.uint64],
    base_us: int,
    base_ns: int,
    width: int,
    height: int,
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    fine: NDArray[np.uint16],
) -> tuple[int, int, bool]:
    """Write the columns; returns the number of events, of steps back, and whether `fine` counts."""
    kept = np.empty(BLOCK, np.uint64)
    n = back = 0
    any_fine, last = np.uint16(0), np.uint64(0)
    for begin in range(0, len(words), BLOCK):
        block = words[begin : begin + BLOCK]
        if not _all_inside(block, width, height):
            block = kept[: _keep_inside(block, width, height, kept)]
        if len(block) == 0:
            continue
        back += _steps_back(block, last)
        last = block[len(block) - 1] & np.uint64(SPAN_NS - 1)
        end = n + len(block)
        any_fine |= _put(
            block, base_us, base_ns, t[n:end], x[n:end], y[n:end], p[n:end], fine[n:end]
        )
        n = end
    return n, back, any_fine != 0


@numba.njit(cache=True)
def _all_inside(words: NDArray[np.uint64], width: int, height: int) -> bool:
    # Without a way out of the loop, so that it is turned into vector code.
    furthest, lowest = np.uint64(0), np.uint64(0)
    for i in range(len(words)):
        furthest = max(furthest, (words[i] >> np.uint64(32)) & np.uint64(0xFFFF))
        lowest = max(lowest, (words[i] >> np.uint64(48)) & np.uint64(0x7FFF))
    return bool(furthest < np.uint64(width) and lowest < np.uint64(height))


@numba.njit(cache=True)
def _keep_inside(
    words: NDArray[np.uint64], width: int, height: int, kept: NDArray[np.uint64]
) -> int:
    """Copy the words of events inside; returns how many they are."""
    n = 0
    for i in range(len(words)):
        kept[n] = words[i]
        column, row = (words[i] >> np.uint64(32)) & np.uint64(0xFFFF), words[i] >> np.uint64(48)
        n += (column < np.uint64(width)) & (row & np.uint64(0x7FFF) < np.uint64(height))
    return n


@numba.njit(cache=True)
def _steps_back(words: NDArray[np.uint64], last: np.uint64) -> int:
    """How often a time is below the one before it, which for the first word is `last`."""
    back = np.int64(words[0] & np.uint64(SPAN_NS - 1) < last)
    for i in range(1, len(words)):
        back += np.uint32(words[i] & np.uint64(SPAN_NS - 1)) < np.uint32(
            words[i - 1] & np.uint64(SPAN_NS - 1)
        )
    return int(back)


@numba.njit(cache=True)
def _put(
    words: NDArray[np.uint64],
    base_us: int,
    base_ns: int,
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    fine: NDArray[np.uint16],
) -> np.uint16:
    """Unpack words into columns of their number; returns the bits that any `fine` has set."""
    any_fine = np.uint16(0)
    rest = np.uint64(base_ns)
    for i in range(len(words)):
        nanoseconds = (words[i] & np.uint64(SPAN_NS - 1)) + rest
        # A division by 1000 that vector code has: by 8, and by 125 as 2^35 / 125, exact to 2^32.
        whole = ((nanoseconds >> np.uint64(3)) * np.uint64(274_877_907)) >> np.uint64(35)
        t[i] = base_us + np.int64(whole)
        below = np.uint16(nanoseconds - whole * np.uint64(1000))
        fine[i] = below
        any_fine |= below
    for i in range(len(words)):
        x[i] = np.uint16(words[i] >> np.uint64(32))
        y[i] = np.uint16((words[i] >> np.uint64(48)) & np.uint64(0x7FFF))
        p[i] = np.uint8(words[i] >> np.uint64(63))
    return any_fine
