"""Events and triggers in memory: one array a field.

Columns rather than one structured array, by measurement (4 M events, numba, one core of a Zen 5):
unpacking 1.7 against 1.5 (13 B a record) and 1.4 (16 B) Gev/s, sums over two fields 5.7 against
2.1 and 1.9, histograms 0.97 against 0.93 and 0.94; only selecting by a mask is slower (70 against
97 Mev/s), and the filters don't select by masks. A column is contiguous, so who reads two of the
four fields reads nothing else.

Times are whole microseconds of the sensor, as 64-bit integers, for that is what sensors count.
Where a source gives nanoseconds (the drivers of iniVation's cameras add the host's time at their
start, simulators have any time), the rest below a microsecond is kept in a column of its own,
`fine`, so that nothing is lost; for all other sources it is None and costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Events:
    """Events of one sensor in the order of the stream.

    Attributes:
        t: (n,) int64, sensor time, us, as the camera gave it.
        x: (n,) uint16, column.
        y: (n,) uint16, row.
        p: (n,) uint8, 1 for ON (brighter), 0 for OFF.
        width: columns of the sensor.
        height: rows of the sensor.
        fine: (n,) uint16, ns to add to `t`, 0 to 999; None if they all are 0.

    """

    t: NDArray[np.int64]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    p: NDArray[np.uint8]
    width: int
    height: int
    fine: NDArray[np.uint16] | None = None

    def __len__(self) -> int:
        """Number of events."""
        return len(self.t)

    def __getitem__(self, part: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Events:
        """Some of them: a slice gives a view and copies nothing, a mask or indices a copy."""
        fine = None if self.fine is None else self.fine[part]
        return Events(
            self.t[part], self.x[part], self.y[part], self.p[part], self.width, self.height, fine
        )

    def between(self, begin: int, end: int) -> Events:
        """A view of those with begin <= t < end, us; the times must not fall."""
        first, last = np.searchsorted(self.t, (begin, end))
        return self[int(first) : int(last)]

    def nanoseconds(self) -> NDArray[np.int64]:
        """(n,) int64, times in ns."""
        times = self.t * 1000
        if self.fine is not None:
            times += self.fine
        return times

    @staticmethod
    def none(width: int, height: int) -> Events:
        """No events of a sensor."""
        return Events(
            np.empty(0, np.int64),
            np.empty(0, np.uint16),
            np.empty(0, np.uint16),
            np.empty(0, np.uint8),
            width,
            height,
        )


@dataclass(frozen=True)
class Triggers:
    """Edges on the camera's trigger inputs.

    Attributes:
        t: (n,) int64, sensor time, us.
        channel: (n,) uint16.
        value: (n,) uint8, 1 rising, 0 falling.
        fine: (n,) uint16, ns to add to `t`, 0 to 999; None if they all are 0.

    """

    t: NDArray[np.int64]
    channel: NDArray[np.uint16]
    value: NDArray[np.uint8]
    fine: NDArray[np.uint16] | None = None

    def __len__(self) -> int:
        """Number of edges."""
        return len(self.t)

    @staticmethod
    def none() -> Triggers:
        """No edges."""
        return Triggers(np.empty(0, np.int64), np.empty(0, np.uint16), np.empty(0, np.uint8))


def split_nanoseconds(
    times: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.uint16] | None]:
    """Times in ns as whole us and, unless it is 0 everywhere, the rest in ns."""
    whole = times // 1000
    fine = (times - 1000 * whole).astype(np.uint16)
    return whole, fine if fine.any() else None


def joined(parts: Sequence[Events]) -> Events:
    """All the events of one sensor in one, copied.

    Raises:
        ValueError: there are no parts, or they are of sensors of different sizes.

    """
    sizes = {(part.width, part.height) for part in parts}
    if len(sizes) != 1:
        raise ValueError(f"events of one sensor are needed, not of sizes {sorted(sizes) or 'none'}")
    fine = None
    if any(part.fine is not None for part in parts):
        zeros = [np.zeros(len(p), np.uint16) if p.fine is None else p.fine for p in parts]
        fine = np.concatenate(zeros)
    return Events(
        np.concatenate([part.t for part in parts]),
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.p for part in parts]),
        *sizes.pop(),
        fine,
    )


def joined_triggers(parts: Sequence[Triggers]) -> Triggers:
    """All the edges in one, copied."""
    parts = [Triggers.none(), *parts]
    fine = None
    if any(part.fine is not None for part in parts):
        zeros = [np.zeros(len(p), np.uint16) if p.fine is None else p.fine for p in parts]
        fine = np.concatenate(zeros)
    return Triggers(
        np.concatenate([part.t for part in parts]),
        np.concatenate([part.channel for part in parts]),
        np.concatenate([part.value for part in parts]),
        fine,
    )
