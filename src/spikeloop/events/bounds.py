"""Whether events lie within their sensor, before code without bounds checks runs over them."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events


def check(events: Events, width: int, height: int) -> None:
    """Refuse events of another sensor, and events outside it.

    Raises:
        ValueError: the sizes differ, or an address or a polarity is too large.

    """
    if (events.width, events.height) != (width, height):
        raise ValueError(
            f"events of a {events.width}x{events.height} sensor where {width}x{height} is expected"
        )
    if not _inside(events.x, events.y, events.p, width, height):
        raise ValueError(f"events outside their own sensor of {width}x{height}")


@numba.njit(cache=True)
def _inside(
    x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], width: int, height: int
) -> bool:
    # Without a way out of the loop, so that it is turned into vector code.
    furthest, lowest, highest = np.uint16(0), np.uint16(0), np.uint8(0)
    for i in range(len(x)):
        furthest, lowest = max(furthest, x[i]), max(lowest, y[i])
    for i in range(len(p)):
        highest = max(highest, p[i])
    return len(x) == 0 or bool(furthest < width and lowest < height and highest <= 1)
