"""Events and triggers in memory: one array a field.

Columns rather than one structured array: filters and pictures read two or three of the four fields,
and a column is contiguous, so they read nothing else.
"""

from __future__ import annotations

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

    """

    t: NDArray[np.int64]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    p: NDArray[np.uint8]
    width: int
    height: int

    def __len__(self) -> int:
        """Number of events."""
        return len(self.t)

    def __getitem__(self, part: slice) -> Events:
        """A view of some of them; nothing is copied."""
        return Events(
            self.t[part], self.x[part], self.y[part], self.p[part], self.width, self.height
        )


@dataclass(frozen=True)
class Triggers:
    """Edges on the camera's trigger inputs.

    Attributes:
        t: (n,) int64, sensor time, us.
        channel: (n,) uint8.
        value: (n,) uint8, 1 rising, 0 falling.

    """

    t: NDArray[np.int64]
    channel: NDArray[np.uint8]
    value: NDArray[np.uint8]

    def __len__(self) -> int:
        """Number of edges."""
        return len(self.t)
