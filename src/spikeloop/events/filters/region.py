"""Region of interest: a rectangle of the sensor, and a mask of pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.filters.filter import Filter


class Region(Filter):
    """Lets only the events of a rectangle pass."""

    def __init__(
        self,
        width: int,
        height: int,
        *,
        left: int,
        top: int,
        columns: int,
        rows: int,
        moved: bool = False,
    ) -> None:
        """Choose the rectangle.

        Args:
            width: columns of the sensor.
            height: rows of the sensor.
            left: its first column.
            top: its first row.
            columns: its width.
            rows: its height.
            moved: whether its corner becomes (0, 0), with it as the sensor.

        Raises:
            ValueError: it isn't within the sensor.

        """
        super().__init__(width, height)
        if not (left >= 0 and top >= 0 and columns > 0 and rows > 0):
            raise ValueError(f"region {columns}x{rows} at ({left}, {top}) isn't within the sensor")
        if left + columns > width or top + rows > height:
            raise ValueError(
                f"region {columns}x{rows} at ({left}, {top}) reaches beyond {width}x{height}"
            )
        self.left, self.top, self.columns, self.rows, self.moved = left, top, columns, rows, moved

    def _apply(self, events: Events) -> Events:
        # Unsigned: what lies before the corner becomes very large.
        x = events.x - np.uint16(self.left)
        y = events.y - np.uint16(self.top)
        inside = (x < self.columns) & (y < self.rows)
        kept = events[inside]
        if not self.moved:
            return kept
        return Events(kept.t, x[inside], y[inside], kept.p, self.columns, self.rows, kept.fine)


class PixelMask(Filter):
    """Lets only the events of some pixels pass."""

    def __init__(self, passing: NDArray[np.bool_]) -> None:
        """Choose the pixels, (height, width) bool."""
        super().__init__(passing.shape[1], passing.shape[0])
        self.passing = passing.copy()

    def _apply(self, events: Events) -> Events:
        return events[self.passing[events.y, events.x]]
