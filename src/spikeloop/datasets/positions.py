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


def spaced(positions: NDArray[np.float64], metres: float) -> NDArray[np.intp]:
    """Indices of positions at least so far from the one chosen before; the first is chosen.

    By distance, not by the way, for a receiver that stands still tells of a way that nobody drove.

    Args:
        positions: (n, 2) m in time's order; those with NaN are left out.
        metres: between two, above 0.

    Raises:
        DatasetError: `metres` isn't above 0.

    """
    if not metres > 0.0:
        raise DatasetError(f"metres must be above 0, not {metres}")
    chosen: list[int] = []
    x, y = math.inf, math.inf
    for index in np.flatnonzero(np.isfinite(positions).all(axis=1)).tolist():
        here_x, here_y = positions[index].tolist()
        # A whole number of steps may come out a little short of it.
        if math.hypot(here_x - x, here_y - y) >= metres * (1.0 - 1e-9):
            chosen.append(index)
            x, y = here_x, here_y
    return np.array(chosen, np.intp)
