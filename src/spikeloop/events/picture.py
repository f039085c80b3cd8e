"""A picture of the events since the last one."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events

GREY = 96
ON_RGB = (64, 160, 255)
OFF_RGB = (255, 96, 48)


class EventPicture:
    """Each pixel shows its newest event since the last picture: ON blue, OFF red."""

    def __init__(self, width: int, height: int) -> None:
        """Start with an empty picture."""
        self._pixels = np.empty((height, width, 3), dtype=np.uint8)
        self._pixels[:] = GREY

    def add(self, events: Events) -> None:
        """Draw events; those of another geometry are an error.

        Raises:
            ValueError: the events come from a sensor of another size, or lie outside it.

        """
        height, width, _ = self._pixels.shape
        if (events.width, events.height) != (width, height):
            raise ValueError(
                f"events of a {events.width}x{events.height} sensor "
                f"for a picture of {width}x{height}"
            )
        if len(events) and (int(events.x.max()) >= width or int(events.y.max()) >= height):
            raise ValueError(f"events outside their own sensor of {width}x{height}")
        _draw(self._pixels, events.x, events.y, events.p)

    def snapshot(self) -> NDArray[np.uint8]:
        """The picture so far, (height, width, 3) RGB; it goes on."""
        return self._pixels.copy()

    def take(self) -> NDArray[np.uint8]:
        """The picture so far, (height, width, 3) RGB; a new one begins."""
        picture = self._pixels.copy()
        self._pixels[:] = GREY
        return picture


@numba.njit(cache=True)
def _draw(
    pixels: NDArray[np.uint8],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
) -> None:
    for i in range(len(x)):
        for c in range(3):
            pixels[y[i], x[i], c] = ON_RGB[c] if p[i] else OFF_RGB[c]
