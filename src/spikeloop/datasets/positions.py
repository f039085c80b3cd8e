"""Where drives were: metres of degrees, pictures spaced along the way."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spikeloop.datasets.source import DatasetError

EARTH_M = 6_371_000.0


def local_metres(degrees: NDArray[np.float64], origin: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2) latitude and longitude as m to the east and north of an origin, on a sphere.

    Within 10 km that is right to a few parts in a thousand, as place recognition needs.
    """
    turned = np.radians(degrees - origin)
    east = EARTH_M * math.cos(math.radians(float(origin[0]))) * turned[:, 1]
    return np.stack([east, EARTH_M * turned[:, 0]], axis=1)


class Spacer:
    """Chooses positions at least so far from the one chosen before; the first is chosen.

    By distance, not by the way, for a receiver that stands still tells of a way that nobody drove.
    """

    def __init__(self, metres: float) -> None:
        """Take the distance.

        Raises:
            DatasetError: it isn't above 0.

        """
        if not metres > 0.0:
            raise DatasetError(f"metres must be above 0, not {metres}")
        # A whole number of steps may come out a little short of it.
        self._least = metres * (1.0 - 1e-9)
        self._x = self._y = math.inf

    def takes(self, x: float, y: float) -> bool:
        """Whether the next position, m, is chosen; one that isn't finite isn't."""
        is_known = math.isfinite(x) and math.isfinite(y)
        if not is_known or math.hypot(x - self._x, y - self._y) < self._least:
            return False
        self._x, self._y = x, y
        return True


def spaced(positions: NDArray[np.float64], metres: float) -> NDArray[np.intp]:
    """Indices of positions as a `Spacer` chooses them.

    Args:
        positions: (n, 2) m in time's order.
        metres: between two, above 0.

    Raises:
        DatasetError: `metres` isn't above 0.

    """
    spacer = Spacer(metres)
    taken = [spacer.takes(x, y) for x, y in positions.tolist()]
    return np.flatnonzero(taken)
