"""The tasks: which environment, how its numbers are coded, and what data are recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import suggestion

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Problem:
    """One task of the decision transformers.

    Attributes:
        name: as on the command line.
        environment: Gymnasium id.
        states: values of an observation.
        actions: choices where `discrete`, else values of an action.
        discrete: kind of the actions.
        action_limit: largest value of a continuous action, which is coded as -1 to 1.
        period_s: time between two decisions, s.
        longest: steps of the longest episode.
        context: decisions that are looked back on.
        episodes: recorded for training: by the expert, by a simpler
            controller with disturbances, at random.
        disturbance: of the medium ones: share of random actions, or standard deviation of
            continuous actions in parts of their limit.
        reward: of (state, action), for a controller that nobody tells its reward.

    """

    name: str
    environment: str
    states: int
    actions: int
    discrete: bool
    action_limit: float
    period_s: float
    longest: int
    context: int
    episodes: tuple[int, int, int]
    disturbance: float
    reward: Callable[[Sequence[float], float], float]


def _pendulum_reward(state: Sequence[float], action: float) -> float:
    angle, rate = math.atan2(state[1], state[0]), state[2]
    return -(angle**2 + 0.1 * rate**2 + 0.001 * action**2)


PROBLEMS = {
    problem.name: problem
    for problem in (
        Problem(
            "cartpole",
            "CartPole-v1",
            states=4,
            actions=2,
            discrete=True,
            action_limit=1.0,
            period_s=0.02,
            longest=500,
            context=10,
            episodes=(100, 60, 40),
            disturbance=0.1,
            reward=lambda state, action: 1.0,
        ),
        Problem(
            "mountain_car",
            "MountainCar-v0",
            states=2,
            actions=3,
            discrete=True,
            action_limit=1.0,
            period_s=1 / 30,
            longest=200,
            context=10,
            episodes=(100, 60, 40),
            disturbance=0.1,
            reward=lambda state, action: -1.0,
        ),
        Problem(
            "acrobot",
            "Acrobot-v1",
            states=6,
            actions=3,
            discrete=True,
            action_limit=1.0,
            period_s=0.2,
            longest=500,
            context=10,
            episodes=(100, 60, 40),
            disturbance=0.4,
            reward=lambda state, action: -1.0,
        ),
        Problem(
            "pendulum",
            "Pendulum-v1",
            states=3,
            actions=1,
            discrete=False,
            action_limit=2.0,
            period_s=0.05,
            longest=200,
            context=5,
            episodes=(350, 150, 0),
            disturbance=0.25,
            reward=_pendulum_reward,
        ),
    )
}


def problem_of(name: str) -> Problem:
    """Look a task up.

    Raises:
        ValueError: there is none of that name; the nearest is named.

    """
    if name not in PROBLEMS:
        raise ValueError(
            f"unknown task '{name}'{suggestion(name, PROBLEMS)}; there are: {', '.join(PROBLEMS)}"
        )
    return PROBLEMS[name]


def coded_action(problem: Problem, action: float) -> Floats:
    """An action as the networks see it: one-hot, or in parts of its limit; (actions,)."""
    if not problem.discrete:
        return np.array([action / problem.action_limit], np.float32)
    code = np.zeros(problem.actions, np.float32)
    code[int(action)] = 1.0
    return code
