"""The tasks: which environment, how its numbers are coded, and what data are recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.control.decision_transformer import corridor
from spikeloop.control.flow_strips import STRIPS
from spikeloop.parameters import suggestion

Floats = NDArray[np.float32]
Action = float | NDArray[np.float64]
"""A choice, or the values of a continuous action, (actions,); as the environment takes them."""


@dataclass(frozen=True)
class Problem:
    """One task of the decision transformers.

    Attributes:
        name: as on the command line.
        environment: Gymnasium id.
        states: values of what the networks see of an observation.
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
        reward: of (observation, action, next observation), for a controller that nobody tells
            its reward.
        see: what the networks see of observations, along the last axis.
        observed: values of an observation; 0 where `states`.
        pushed: of the expert's episodes, share in which it is pushed: now and then something else
            is done than what it says, which is recorded (Laskey et al., "DART: noise injection
            for robust imitation learning", 2017).
        corrections: rounds in which a learner drives and the expert says what it would do, and
            episodes of each; see `corrections`.
        one_recording: all training seeds learn from the same data, which are dear.
        training_starts: environment seeds of training episodes: this times the seed, and on.
        test_episodes: on which it is judged.
        beside_episodes: the first of these on which the plain transformer, and returns asked for
            at random, are; 0 for all.
        together: so many episodes are played at once.
        options: of the environment.
        test_options: further ones, for test episodes.

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
    reward: Callable[[Any, Any, Any], float]
    see: Callable[[NDArray[Any]], NDArray[Any]] = lambda observed: observed
    observed: int = 0
    pushed: float = 0.0
    corrections: tuple[int, int] = (0, 0)
    one_recording: bool = False
    training_starts: int = 1_000_000
    test_episodes: int = 300
    beside_episodes: int = 0
    together: int = 300
    options: Mapping[str, Any] = field(default_factory=dict)
    test_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> int:
        """Values of an observation."""
        return self.observed or self.states


def _pendulum_reward(state: Any, action: Any, after: Any) -> float:
    angle, rate = math.atan2(state[1], state[0]), state[2]
    return -float(angle**2 + 0.1 * rate**2 + 0.001 * float(action[0]) ** 2)


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
            reward=lambda state, action, after: 1.0,
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
            reward=lambda state, action, after: -1.0,
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
            reward=lambda state, action, after: -1.0,
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
        Problem(
            "corridor",
            "spikeloop_sim:spikeloop/CorridorPatrol-v0",
            states=corridor.SEEN,
            actions=2,
            discrete=False,
            action_limit=1.0,
            period_s=corridor.DECISION_S,
            longest=900,
            context=10,
            episodes=(60, 12, 0),
            disturbance=0.1,
            reward=corridor.reward,
            see=corridor.seen,
            observed=corridor.OBSERVED,
            pushed=0.75,
            corrections=(12, 12),
            one_recording=True,
            # Worlds of the split for training are below 500,000.
            training_starts=10_000,
            # With a camera in each, an episode takes six seconds of a core.
            test_episodes=20,
            beside_episodes=8,
            together=5,
            # Smooth walls give no events near by.
            options={"flow": True, "world_parameters": {"plaster": False}},
            test_options={"split": "test"},
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


def without_flow(problem: Problem) -> Problem:
    """The robot's task by LiDAR, goal and odometry alone, as an ablation.

    Raises:
        ValueError: the task has no flow.

    """
    if not problem.options.get("flow"):
        raise ValueError(f"task '{problem.name}' has no flow to do without")
    return replace(
        problem,
        states=problem.states - STRIPS,
        observed=problem.observed - STRIPS,
        options={**problem.options, "flow": False},
    )


def coded_action(problem: Problem, action: Action) -> Floats:
    """An action as the networks see it: one-hot, or in parts of its limit; (actions,)."""
    if not problem.discrete:
        return np.atleast_1d(np.asarray(action) / problem.action_limit).astype(np.float32)
    code = np.zeros(problem.actions, np.float32)
    code[int(action)] = 1.0
    return code


def action_of(problem: Problem, output: Floats) -> Action:
    """The action that an output (actions,) means, as the environment takes it."""
    if problem.discrete:
        return float(output.argmax())
    return np.clip(output.astype(np.float64), -1.0, 1.0) * problem.action_limit
