"""Events to packets of encoding `mono` (see `mono`); triggers likewise, in place of rows."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.encoder import EncodingError
from spikeloop.events.mono import SPAN_NS

LARGEST = 1 << 15
"""Columns and rows that are encoded."""


def pack(events: Events) -> tuple[int, NDArray[np.uint8]]:
    """Time base, ns, and little-endian words of one packet.

    Raises:
        EncodingError: times are below 0, or span more than a packet holds.

    """
    if not len(events):
        return 0, np.empty(0, np.uint8)
    first, last = int(events.t.min()), int(events.t.max())
    if first < 0 or 1000 * (last + 1 - first) > SPAN_NS:
        raise EncodingError(
            f"a packet of mono holds times from 0 on within 4.29 s, not from {first} to {last} us"
        )
    return 1000 * first, words(
        events.t, first, 1000, events.x, events.y, events.p, fine=events.fine
    )


def words(
    t: NDArray[np.int64],
    base: int,
    unit_ns: int,
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    *,
    fine: NDArray[np.uint16] | None = None,
) -> NDArray[np.uint8]:
    """Words of times in units of `unit_ns` that lie within 4.29 s from `base` on.

    Args:
        t: (n,) times.
        base: in the same unit.
        unit_ns: 1 or 1000.
        x: (n,) columns.
        y: (n,) rows, below 32768.
        p: (n,) polarities, 0 or 1.
        fine: (n,) ns to add.

    Returns:
        (8 n,) uint8, little-endian.

    """
    packed = np.empty(len(t), np.uint64)
    # Without finer times any array of that kind stands for them.
    _pack(t, base, unit_ns, x, y, p, y if fine is None else fine, fine is not None, packed)
    return packed.astype("<u8", copy=False).view(np.uint8)


@numba.njit(cache=True)
def _pack(
    t: NDArray[np.int64],
    base: int,
    unit_ns: int,
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    fine: NDArray[np.uint16],
    is_fine: bool,
    packed: NDArray[np.uint64],
) -> None:
    for i in range(len(t)):
        time = np.uint64(unit_ns * (t[i] - base))
        if is_fine:
            time += np.uint64(fine[i])
        packed[i] = (
            time
            | (np.uint64(x[i]) << np.uint64(32))
            | (np.uint64(y[i]) << np.uint64(48))
            | (np.uint64(p[i]) << np.uint64(63))
        )
