"""Flow from planes through the times of neighbouring events, pooled in tiles.

Benosman et al., "Event-based visual flow" (TNNLS 2014): about each event, the last times of the
pixels around it, t(x, y), are a plane whose gradient g gives the speed 1/|g| along g/|g|, that is
the flow across the edge. The plane is fitted by least squares, then again without what lies far
from it (Rueckauer and Delbruck, "Evaluation of event-based algorithms for optical flow", 2016,
section 2.3). The aperture problem is solved in tiles: the flow v of a tile minimises
sum((n v - s)^2) over its edges' directions n and speeds s, where these differ enough (Lucas and
Kanade, 1981, on flow instead of intensity); else it stays the flow across the edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.bounds import check
from spikeloop.parameters import parameter

LEAST_NEIGHBOURS = 6
SECTORS = 16
"""Of directions, in which gradients are averaged: their noise cancels in a mean of gradients, but
makes speeds, their inverse, too low."""


@dataclass(frozen=True)
class PlaneFlowConfig:
    """How planes are fitted, and how they are pooled."""

    radius: int = parameter(2, "Of the neighbourhood of an event.", unit="pixels", low=1, high=6)
    oldest: float = parameter(
        0.05, "Neighbours older than this don't count.", unit="s", low=1e-4, high=1.0
    )
    burst: float = parameter(
        0.05, "Events of a pixel so soon after one are of the same edge.", unit="s", low=0.0
    )
    deviation: float = parameter(
        0.004, "Neighbours farther from the plane are left out.", unit="s", low=1e-5, high=0.1
    )
    slowest: float = parameter(8.0, "Slower flow isn't told.", unit="pixels/s", low=0.1)
    fastest: float = parameter(1500.0, "Faster flow isn't told.", unit="pixels/s", low=1.0)
    tile: int = parameter(
        24, "Width and height of a tile that has one flow.", unit="pixels", low=4, high=128
    )
    least: int = parameter(8, "Planes that a tile needs.", low=1)


class PlaneFlow:
    """Takes slices of events in order; gives the flow seen in each."""

    def __init__(self, width: int, height: int, config: PlaneFlowConfig | None = None) -> None:
        """Start without events."""
        self.config = config or PlaneFlowConfig()
        self.width, self.height = width, height
        self.reset()

    def reset(self) -> None:
        """Forget all events."""
        never = np.iinfo(np.int64).min // 2
        self._edges, self._last = np.full((2, 2, self.height, self.width), never)

    def feed(self, events: Events) -> NDArray[np.float32]:
        """Flow of the tiles that were seen.

        Args:
            events: the next ones.

        Returns:
            (height, width, 2) float32, pixels/s along x and y, NaN where unknown.

        Raises:
            ValueError: they come from a sensor of another size, or lie outside it.

        """
        check(events, self.width, self.height)
        c = self.config
        rows, columns = -(-self.height // c.tile), -(-self.width // c.tile)
        sums = np.zeros((rows, columns, SECTORS, 3))
        _fit(
            self._edges, self._last, events.t, events.x, events.y, events.p, sums, c.tile, c.radius,
            1e6 * c.oldest, 1e6 * c.burst, 1e6 * c.deviation, c.slowest, c.fastest,
        )  # fmt: skip
        return _spread(_solve(sums, c.least), events, c.tile)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _plane(last, t, x, y, radius, oldest, deviation, near):  # type: ignore[no-untyped-def]
    """Gradient of the plane, us a pixel, and how many neighbours lie on it; 0 for none.

    `near` is room for the neighbours, (3, at least (2 radius + 1)^2) float64.
    """
    height, width = last.shape
    found = 0
    for yy in range(max(0, y - radius), min(height, y + radius + 1)):
        for xx in range(max(0, x - radius), min(width, x + radius + 1)):
            dt = float(last[yy, xx] - t)
            if dt >= -oldest:
                near[0, found], near[1, found], near[2, found] = xx - x, yy - y, dt
                found += 1
    a = b = c = 0.0
    count = 0
    for attempt in range(2):
        n = sx = sy = st = sxx = sxy = syy = sxt = syt = 0.0
        for k in range(found):
            dx, dy, dt = near[0, k], near[1, k], near[2, k]
            if attempt and abs(a * dx + b * dy + c - dt) > deviation:
                continue
            n += 1.0
            sx += dx
            sy += dy
            st += dt
            sxx += dx * dx
            sxy += dx * dy
            syy += dy * dy
            sxt += dx * dt
            syt += dy * dt
        if n < LEAST_NEIGHBOURS:
            return 0.0, 0.0, 0
        count = int(n)
        sxx -= sx * sx / n
        sxy -= sx * sy / n
        syy -= sy * sy / n
        sxt -= sx * st / n
        syt -= sy * st / n
        determinant = sxx * syy - sxy * sxy
        if determinant < 0.05 * (sxx + syy) * (sxx + syy):
            return 0.0, 0.0, 0
        a = (syy * sxt - sxy * syt) / determinant
        b = (sxx * syt - sxy * sxt) / determinant
        c = (st - a * sx - b * sy) / n
    return a, b, count


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fit(  # type: ignore[no-untyped-def]
    edges, last, ts, xs, ys, ps, sums, tile, radius, oldest, burst, deviation, slowest, fastest
):
    """Add the gradient at each event to the sums of its tile and direction."""
    enough = (2 * radius + 1) * (radius + 1) // 2 + 1
    near = np.empty((3, (2 * radius + 1) ** 2))
    for i in range(len(ts)):
        t, x, y, p = ts[i], int(xs[i]), int(ys[i]), int(ps[i] != 0)
        since = t - last[p, y, x]
        last[p, y, x] = t
        if 0 <= since < burst:
            continue
        edges[p, y, x] = t
        a, b, count = _plane(edges[p], t, x, y, radius, oldest, deviation, near)
        steep = np.sqrt(a * a + b * b)
        if count < enough or steep * fastest < 1e6 or steep * slowest > 1e6:
            continue
        sector = int(SECTORS * (np.arctan2(b, a) / (2.0 * np.pi) + 0.5)) % SECTORS
        cell = sums[y // tile, x // tile, sector]
        cell[0] += a
        cell[1] += b
        cell[2] += 1.0


def _solve(sums: NDArray[np.float64], least: int) -> NDArray[np.float32]:
    """(rows, columns, 2) flow of tiles; a tile's neighbours count by half."""
    pooled = sums.copy()
    for axis in (0, 1):
        side = np.zeros_like(pooled)
        low, high = [slice(None)] * 2, [slice(None)] * 2
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        side[tuple(low)] += 0.5 * pooled[tuple(high)]
        side[tuple(high)] += 0.5 * pooled[tuple(low)]
        pooled = pooled + side
    with np.errstate(all="ignore"):
        weight = pooled[..., 2]
        gradient = pooled[..., :2] / weight[..., None]
        steep = np.linalg.norm(gradient, axis=-1)
        normal = np.where(weight[..., None] > 0.0, gradient / steep[..., None], 0.0)
        speed = np.where(weight > 0.0, 1e6 / steep, 0.0)
        nx, ny = normal[..., 0], normal[..., 1]
        xx, xy, yy = ((weight * a).sum(axis=-1) for a in (nx * nx, nx * ny, ny * ny))
        xs, ys = ((weight * a * speed).sum(axis=-1) for a in (nx, ny))
        # Along the weaker direction a small weight holds the flow at that across the edge.
        ridge = 0.02 * (xx + yy)
        determinant = (xx + ridge) * (yy + ridge) - xy * xy
        vx = ((yy + ridge) * xs - xy * ys) / determinant
        vy = ((xx + ridge) * ys - xy * xs) / determinant
    flow = np.stack([vx, vy], axis=-1).astype(np.float32)
    flow[sums[..., 2].sum(axis=-1) < least] = np.nan
    return flow


def _spread(vectors: NDArray[np.float32], events: Events, tile: int) -> NDArray[np.float32]:
    """(height, width, 2): the pixels of events get the flow of their tiles, (rows, columns, 2)."""
    flow = np.full((events.height, events.width, 2), np.nan, np.float32)
    x, y = events.x.astype(np.intp), events.y.astype(np.intp)
    flow[y, x] = vectors[y // tile, x // tile]
    return flow
