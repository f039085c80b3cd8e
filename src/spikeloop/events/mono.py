"""Encodings `mono` and `trigger` of EventPacket: 64-bit words with a time relative to the packet.

Little-endian: 32 bits of time in ns after the packet's `time_base`, 16 bits of column (`mono`), 15
bits of row or of the trigger's channel, one bit of polarity or edge (documentation of
event_camera_codecs). A packet stands for itself, so nothing rolls over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers, split_nanoseconds
from spikeloop.events.decoder import Decoder

SPAN_NS = 1 << 32
"""A packet can't be longer."""
OUTSIDE, BACKWARD, CUT = range(3)
REASONS = ("events outside", "steps back in time", "bytes of cut words")


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

    def _times(self, words: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
        return (words & np.uint64(SPAN_NS - 1)).astype(np.int64) + np.int64(self._base)

    def _count_backward(self, times: NDArray[np.int64]) -> None:
        if len(times):
            self._counts[BACKWARD] += int((np.diff(times) < 0).sum()) + (times[0] < self._last)
            self._last = int(times[-1])


class MonoDecoder(_PacketDecoder):
    """Events in `mono`; sensors of up to 32768x32768."""

    def _decode(self, words: NDArray[np.unsignedinteger]) -> tuple[Events, Triggers]:
        times = self._times(words)
        x = ((words >> np.uint64(32)) & np.uint64(0xFFFF)).astype(np.uint16)
        y = ((words >> np.uint64(48)) & np.uint64(0x7FFF)).astype(np.uint16)
        p = (words >> np.uint64(63)).astype(np.uint8)
        inside = (x < self.width) & (y < self.height)
        if not inside.all():
            self._counts[OUTSIDE] += int((~inside).sum())
            times, x, y, p = times[inside], x[inside], y[inside], p[inside]
        self._count_backward(times)
        t, fine = split_nanoseconds(times)
        return Events(t, x, y, p, self.width, self.height, fine), Triggers.none()


class TriggerDecoder(_PacketDecoder):
    """Triggers in `trigger`; there are no events in it."""

    def _decode(self, words: NDArray[np.unsignedinteger]) -> tuple[Events, Triggers]:
        times = self._times(words)
        self._count_backward(times)
        t, fine = split_nanoseconds(times)
        channel = ((words >> np.uint64(48)) & np.uint64(0x7FFF)).astype(np.uint16)
        value = (words >> np.uint64(63)).astype(np.uint8)
        return Events.none(self.width, self.height), Triggers(t, channel, value, fine)
