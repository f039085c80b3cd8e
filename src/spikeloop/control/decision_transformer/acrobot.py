"""A compiled Acrobot: a linear controller is sought on it, and improved by looking ahead with it.

Equations of motion: Sutton and Barto, Reinforcement Learning, 1998, chapter 11.3 (two links of
length and mass 1, centres of mass at 0.5, moments of inertia 1, g 9.8), stepped by Runge-Kutta of
order 4 in 0.2 s, as Gymnasium's Acrobot-v1 does; a test compares the two.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WEIGHTS = 7
"""Of the linear function: the six values of the observation, and a constant."""
LONGEST = 500
LONGEST_HELD = 4
"""Steps for which looking ahead holds a torque."""


@numba.njit(cache=True)
def _rates(first: float, second: float, w1: float, w2: float, torque: float) -> tuple[float, float]:
    """Angular accelerations, rad/s^2."""
    d1 = 0.25 + (1.25 + math.cos(second)) + 2.0
    d2 = 0.25 + 0.5 * math.cos(second) + 1.0
    phi2 = 0.5 * 9.8 * math.cos(first + second - 0.5 * math.pi)
    phi1 = (
        -0.5 * w2 * w2 * math.sin(second)
        - w2 * w1 * math.sin(second)
        + 1.5 * 9.8 * math.cos(first - 0.5 * math.pi)
        + phi2
    )
    second_rate = (
        torque + d2 / d1 * phi1 - 0.5 * w1 * w1 * math.sin(second) - phi2
    ) / (1.25 - d2 * d2 / d1)  # fmt: skip
    return -(d2 * second_rate + phi1) / d1, second_rate


@numba.njit(cache=True)
def step(state: Floats, torque: float) -> Floats:
    """The state (4,) after 0.2 s: two angles, wrapped to one turn, and two limited rates."""
    h = 0.2
    slopes = np.zeros((4, 4))
    at = state.copy()
    for k in range(4):
        a1, a2 = _rates(at[0], at[1], at[2], at[3], torque)
        slopes[k] = np.array([at[2], at[3], a1, a2])
        at = state + slopes[k] * (h if k == 2 else 0.5 * h)
    new: Floats = state + h / 6.0 * (slopes[0] + 2.0 * slopes[1] + 2.0 * slopes[2] + slopes[3])
    for k in range(2):
        new[k] = (new[k] + math.pi) % (2.0 * math.pi) - math.pi
    new[2] = min(max(new[2], -4.0 * math.pi), 4.0 * math.pi)
    new[3] = min(max(new[3], -9.0 * math.pi), 9.0 * math.pi)
    return new


@numba.njit(cache=True)
def observed(state: Floats) -> Floats:
    """What Gymnasium shows of a state, (6,)."""
    return np.array(
        [
            math.cos(state[0]),
            math.sin(state[0]),
            math.cos(state[1]),
            math.sin(state[1]),
            state[2],
            state[3],
        ]
    )


@numba.njit(cache=True)
def _side(weights: Floats, state: Floats) -> float:
    """Torque of the linear controller, -1 or 1."""
    seen = observed(state)
    side = weights[6]
    for i in range(6):
        side += weights[i] * seen[i]
    return 1.0 if side > 0.0 else -1.0


@numba.njit(cache=True)
def is_up(state: Floats) -> bool:
    """Whether the tip is above the goal's line."""
    return bool(-math.cos(state[0]) - math.cos(state[0] + state[1]) > 1.0)


@numba.njit(cache=True)
def _steps_from(weights: Floats, start: Floats, most: int) -> int:
    """Steps that the linear controller takes to the goal; `most` where it doesn't get there."""
    state = start.copy()
    for k in range(most):
        state = step(state, _side(weights, state))
        if is_up(state):
            return k + 1
    return most


@numba.njit(cache=True)
def best_torque(weights: Floats, state: Floats) -> float:
    """The torque whose holding, then followed by the linear controller, leads up first.

    One step of policy improvement by rollout (Bertsekas, Tsitsiklis and Wu 1997).
    """
    best, fewest = _side(weights, state), _steps_from(weights, state, LONGEST)
    for torque in (-1.0, 0.0, 1.0):
        at = state.copy()
        for held in range(1, LONGEST_HELD + 1):
            at = step(at, torque)
            steps = held
            if not is_up(at):
                steps += _steps_from(weights, at, fewest)
            if steps < fewest:
                best, fewest = torque, steps
            if is_up(at):
                break
    return float(best)


@numba.njit(cache=True)
def steps_to_goal(weights: Floats, starts: Floats) -> float:
    """Mean number of steps that a linear controller (7,) takes from starts (n, 4)."""
    total = 0
    for n in range(len(starts)):
        total += int(_steps_from(weights, starts[n], LONGEST))
    return float(total / len(starts))


def search_linear(seed: int, generations: int = 40, population: int = 64) -> Floats:
    """Weights (7,) of the linear controller with the fewest steps, by the cross-entropy method.

    Starts are drawn anew in each generation (Rubinstein and Kroese 2004); the mean of the best
    eighth is the result.
    """
    random = np.random.default_rng(seed)
    mean, spread = np.zeros(WEIGHTS), np.ones(WEIGHTS)
    for generation in range(generations):
        starts = random.uniform(-0.1, 0.1, (24, 4))
        tried = mean + spread * random.standard_normal((population, WEIGHTS))
        cost = [steps_to_goal(weights, starts) for weights in tried]
        best = tried[np.argsort(cost)[: population // 8]]
        mean = best.mean(0).astype(np.float64)
        spread = best.std(0) + 0.3 / (generation + 1)
    found: Floats = mean / np.linalg.norm(mean)
    return found
