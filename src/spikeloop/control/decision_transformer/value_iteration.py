"""Value iteration for systems of two states, on a grid with linear interpolation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Model = Callable[[Floats, float], tuple[Floats, Floats, NDArray[np.bool_]]]
"""States (n, 2) and an action in; next states (n, 2), costs (n,) and ends (n,) out."""


@dataclass(frozen=True)
class Grid:
    """A rectangle of states.

    Attributes:
        low, high: its corners.
        points: along each axis.
        wraps: whether an axis is a circle, of which both ends are the same point.

    """

    low: tuple[float, float]
    high: tuple[float, float]
    points: tuple[int, int]
    wraps: tuple[bool, bool]

    def states(self) -> Floats:
        """All points, (points[0] * points[1], 2)."""
        axes = [
            np.linspace(low, high, count)
            for low, high, count in zip(self.low, self.high, self.points, strict=True)
        ]
        return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)

    def corners(self, states: Floats) -> tuple[NDArray[np.int64], Floats]:
        """The four points around each state, (n, 4), and their weights, (n, 4)."""
        low, high = np.array(self.low), np.array(self.high)
        count = np.array(self.points)
        at = np.clip((states - low) / (high - low), 0.0, 1.0) * (count - 1)
        first = np.minimum(at.astype(np.int64), count - 2)
        part = at - first
        row, column = first[:, 0] * count[1], first[:, 1]
        index = np.stack([row, row, row + count[1], row + count[1]], 1)
        index += np.stack([column, column + 1, column, column + 1], 1)
        a, b = part[:, 0], part[:, 1]
        weight = np.stack([(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b], 1)
        return index, weight


@dataclass(frozen=True)
class Values:
    """Cost to go of each point of a grid, (points,)."""

    grid: Grid
    cost: Floats

    def best(self, state: Floats, actions: Floats, model: Model) -> int:
        """Index of the action that costs least from a state (2,), looking one step ahead."""
        place = state.reshape(1, 2).astype(np.float64)
        followed = [model(place, float(action)) for action in actions]
        states = np.concatenate([states for states, _, _ in followed])
        index, weight = self.grid.corners(states)
        after = (self.cost[index] * weight).sum(1)
        ends = np.concatenate([ends for _, _, ends in followed])
        costs = np.concatenate([costs for _, costs, _ in followed])
        return int(np.argmin(costs + np.where(ends, 0.0, after)))


def iterate(grid: Grid, actions: Floats, model: Model, sweeps: int) -> Values:
    """The least cost of `sweeps` steps from every point, without discount.

    Args:
        grid: see `Grid`.
        actions: those that can be chosen, (k,).
        model: the system.
        sweeps: steps that are looked ahead.

    """
    states = grid.states()
    steps = []
    for action in actions:
        following, cost, ends = model(states, float(action))
        index, weight = grid.corners(following)
        steps.append((index, weight * ~ends[:, None], cost))
    values = np.zeros(len(states))
    for _ in range(sweeps):
        values = np.min(
            [cost + np.einsum("nk,nk->n", values[index], weight) for index, weight, cost in steps],
            axis=0,
        )
    return Values(grid, values)
