"""Controllers that need no learning from data: what the networks' trajectories are recorded from.

CartPole: the linear quadratic regulator of the linearised cart and pole (Barto, Sutton and
Anderson 1983). MountainCar and Pendulum: value iteration on a grid of their two states. Acrobot:
looking ahead with a linear controller, found by the cross-entropy method on a compiled model.
Corridor: see `corridor`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spikeloop.control.decision_transformer.acrobot import best_torque, search_linear
from spikeloop.control.decision_transformer.corridor import SLOW_SPEED, PatrolExpert
from spikeloop.control.decision_transformer.problems import Action
from spikeloop.control.decision_transformer.value_iteration import Grid, iterate

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Expert = Callable[[Floats], Action]
"""Observation of the environment in, action as the environment takes it. One that sees more than
the observation, or remembers, has a method `begin(environment)` for each episode."""


def cartpole_expert() -> Expert:
    """Push to the side that the regulator of the linearised system would push to."""
    gravity, cart, pole, half, force, tau = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
    total = cart + pole
    swing = half * (4.0 / 3.0 - pole / total)
    a = np.eye(4)
    a[0, 1] = a[2, 3] = tau
    a[3, 2] = tau * gravity / swing
    a[1, 2] = -tau * pole * half / total * gravity / swing
    b = np.zeros((4, 1))
    b[3, 0] = -tau / (total * swing)
    b[1, 0] = tau * (1.0 / total + pole * half / total / (total * swing))
    gain = _regulator(a, b, np.diag([1.0, 0.1, 1.0, 0.1]), np.array([[0.1 / force]]))[0]
    return lambda state: float(-(gain @ state) > 0.0)


def _regulator(a: Floats, b: Floats, q: Floats, r: Floats) -> Floats:
    """Gain of the discrete linear quadratic regulator, by iterating its Riccati equation."""
    p = q
    for _ in range(5000):
        gain = np.linalg.solve(r + b.T @ p @ b, b.T @ p @ a).astype(np.float64)
        p = q + a.T @ p @ (a - b @ gain)
    return gain


def mountain_car_expert() -> Expert:
    """The quickest way to the flag, by value iteration."""
    grid = Grid((-1.2, -0.07), (0.6, 0.07), (361, 281), (False, False))
    pushes = np.array([-1.0, 0.0, 1.0])
    values = iterate(grid, pushes, _mountain_car, sweeps=400)
    return lambda state: float(values.best(state, pushes, _mountain_car))


def _mountain_car(state: Floats, push: float) -> tuple[Floats, Floats, Flags]:
    """Next states (n, 2), cost (n,), and whether they are final (n,), of states (n, 2)."""
    place, speed = state[:, 0], state[:, 1]
    speed = np.clip(speed + 0.001 * push - 0.0025 * np.cos(3.0 * place), -0.07, 0.07)
    place = np.clip(place + speed, -1.2, 0.6)
    speed = np.where((place <= -1.2) & (speed < 0.0), 0.0, speed)
    return np.stack([place, speed], 1), np.ones(len(place)), place >= 0.5


def pendulum_expert() -> Expert:
    """The cheapest swing-up and balance, by value iteration."""
    grid = Grid((-math.pi, -8.0), (math.pi, 8.0), (241, 201), (True, False))
    torques = np.linspace(-2.0, 2.0, 9)
    values = iterate(grid, torques, _pendulum, sweeps=250)
    fine = np.linspace(-2.0, 2.0, 41)

    def act(state: Floats) -> float:
        angle = math.atan2(state[1], state[0])
        place = np.array([angle, state[2]])
        if abs(angle) < 0.25 and abs(state[2]) < 1.0:
            # On a grid the cost is flat around the top; a critically damped law holds it better.
            return float(np.clip(-10.0 * angle - 2.6 * state[2], -2.0, 2.0))
        return float(fine[values.best(place, fine, _pendulum)])

    return act


def _pendulum(state: Floats, torque: float) -> tuple[Floats, Floats, Flags]:
    """As `_mountain_car`, for angle (0 is up) and rate."""
    angle, rate = state[:, 0], state[:, 1]
    cost = angle**2 + 0.1 * rate**2 + 0.001 * torque**2
    rate = np.clip(rate + 0.05 * (15.0 * np.sin(angle) + 3.0 * torque), -8.0, 8.0)
    angle = (angle + 0.05 * rate + math.pi) % (2.0 * math.pi) - math.pi
    return np.stack([angle, rate], 1), cost, np.zeros(len(angle), bool)


def acrobot_expert() -> Expert:
    """The torque that leads up first when a linear controller takes over afterwards."""
    weights = search_linear(seed=0)
    return lambda seen: 1.0 + best_torque(weights, _acrobot_state(seen))


def _acrobot_state(seen: Floats) -> Floats:
    first, second = math.atan2(seen[1], seen[0]), math.atan2(seen[3], seen[2])
    return np.array([first, second, float(seen[4]), float(seen[5])])


def simpler(name: str) -> Expert:
    """A poorer controller of a task, for the medium trajectories: what one would try first.

    CartPole: push to the side that the pole leans to. MountainCar: push along the speed. Acrobot:
    torque along the rate of the second joint. Pendulum: pump energy gently, then hold. Corridor:
    the expert at half its speed.
    """
    known: dict[str, Expert] = {
        "cartpole": lambda state: float(state[2] > 0.0),
        "mountain_car": lambda state: 2.0 if state[1] > 0.0 else 0.0,
        "acrobot": lambda state: 2.0 if state[5] > 0.0 else 0.0,
        "pendulum": _gentle_pendulum,
        "corridor": PatrolExpert(SLOW_SPEED),
    }
    return known[name]


def _gentle_pendulum(state: Floats) -> float:
    cosine, rate = float(state[0]), float(state[2])
    if cosine > 0.85:
        return float(np.clip(-10.0 * math.atan2(state[1], cosine) - 2.6 * rate, -1.2, 1.2))
    energy = rate**2 / 6.0 + 5.0 * (cosine - 1.0)
    return float(np.clip(-energy * np.sign(rate), -1.2, 1.2))


EXPERTS: dict[str, Callable[[], Expert]] = {
    "cartpole": cartpole_expert,
    "mountain_car": mountain_car_expert,
    "acrobot": acrobot_expert,
    "pendulum": pendulum_expert,
    "corridor": PatrolExpert,
}
