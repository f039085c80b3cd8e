"""Whether a disc can get from one place to another between walls and obstacles on the floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

GRID_M = 0.05


@dataclass(frozen=True)
class Wall:
    """A wall's face, from one end to the other, m."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Disc:
    """An obstacle's circumscribed circle, m."""

    x: float
    y: float
    radius: float

    def distance(self, other: Disc) -> float:
        """Between the rims, m; negative where they overlap."""
        return float(np.hypot(self.x - other.x, self.y - other.y) - self.radius - other.radius)


@dataclass(frozen=True)
class Plan:
    """What stands on a floor."""

    walls: Sequence[Wall]
    discs: Sequence[Disc]


def clearance(plan: Plan, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from each point (n, 2) to the nearest wall or obstacle, (n,) m; below 0 inside."""
    out = np.full(len(points), np.inf)
    for wall in plan.walls:
        begin = np.array([wall.x0, wall.y0])
        way = np.array([wall.x1, wall.y1]) - begin
        part = np.clip((points - begin) @ way / max(float(way @ way), 1e-12), 0.0, 1.0)
        out = np.minimum(out, np.hypot(*(points - begin - part[:, None] * way).T))
    for disc in plan.discs:
        away = np.hypot(points[:, 0] - disc.x, points[:, 1] - disc.y) - disc.radius
        out = np.minimum(out, away)
    return out


def passable(
    plan: Plan, start: NDArray[np.float64], goal: NDArray[np.float64], radius: float
) -> bool:
    """Whether a disc of a radius can go from start (2,) to goal (2,), on a grid of `GRID_M`."""
    ends = [start, goal]
    ends += [np.array([w.x0, w.y0]) for w in plan.walls]
    ends += [np.array([w.x1, w.y1]) for w in plan.walls]
    low, high = np.min(ends, axis=0), np.max(ends, axis=0)
    columns, rows = (np.ceil((high - low) / GRID_M).astype(int) + 1).tolist()
    x = low[0] + GRID_M * np.arange(columns)
    y = low[1] + GRID_M * np.arange(rows)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    free = (clearance(plan, points) >= radius).reshape(rows, columns)
    first, last = (np.rint((end - low) / GRID_M).astype(int) for end in (start, goal))
    return bool(_reached(free, first[1], first[0], last[1], last[0]))


@njit(cache=True)
def _reached(free: Any, row: Any, column: Any, goal_row: Any, goal_column: Any) -> Any:
    if not free[row, column]:
        return False
    rows, columns = free.shape
    seen = np.zeros((rows, columns), np.bool_)
    waiting = np.empty((rows * columns, 2), np.int64)
    waiting[0, 0], waiting[0, 1] = row, column
    seen[row, column] = True
    begin, end = 0, 1
    while begin < end:
        r, c = waiting[begin, 0], waiting[begin, 1]
        begin += 1
        if r == goal_row and c == goal_column:
            return True
        for dr, dc in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            nr, nc = r + dr, c + dc
            if 0 <= nr < rows and 0 <= nc < columns and free[nr, nc] and not seen[nr, nc]:
                seen[nr, nc] = True
                waiting[end, 0], waiting[end, 1] = nr, nc
                end += 1
    return False
