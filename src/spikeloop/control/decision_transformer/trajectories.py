"""Offline trajectories: an expert's, a simpler controller's that is disturbed, and of chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gymnasium
import numpy as np
from numpy.typing import NDArray

from spikeloop.control.decision_transformer.experts import EXPERTS, Expert, simpler
from spikeloop.control.decision_transformer.problems import Floats, Problem, coded_action

KINDS = ("expert", "medium", "random")
TRAINING_STARTS = 1_000_000
"""Environment seeds of training episodes: 1,000,000 times the seed, and on. Evaluation's are
above them all."""


@dataclass(frozen=True)
class Trajectories:
    """Recorded episodes, padded to the longest.

    Attributes:
        states: (episodes, steps, states) float32, as the environment gave them.
        actions: (episodes, steps, actions) float32, coded.
        returns: (episodes, steps) float32, sum of the rewards from this step on.
        lengths: (episodes,) int64.
        kinds: (episodes,) int64, index into `KINDS`.

    """

    states: Floats
    actions: Floats
    returns: Floats
    lengths: NDArray[np.int64]
    kinds: NDArray[np.int64]

    def mean_return(self, kind: str) -> float:
        """Mean return of the episodes of one kind; nan where there are none."""
        chosen = self.kinds == KINDS.index(kind)
        return float(self.returns[chosen, 0].mean()) if chosen.any() else float("nan")


def record(problem: Problem, seed: int, expert: Expert | None = None) -> Trajectories:
    """Record the episodes that a problem asks for; equal for equal seeds.

    Args:
        problem: what, and how many of each kind.
        seed: of starts, disturbances and chance; 1 or more.
        expert: the problem's own where None.

    """
    expert = expert or EXPERTS[problem.name]()
    environment = gymnasium.make(problem.environment)
    count = sum(problem.episodes)
    states = np.zeros((count, problem.longest, problem.states), np.float32)
    actions = np.zeros((count, problem.longest, problem.actions), np.float32)
    rewards = np.zeros((count, problem.longest), np.float64)
    lengths = np.zeros(count, np.int64)
    kinds = np.repeat(np.arange(len(KINDS)), problem.episodes)
    for episode, kind in enumerate(kinds):
        start = TRAINING_STARTS * seed + episode
        random = np.random.default_rng((seed, episode))
        act = _policy(problem, expert, KINDS[kind], random)
        state, _ = environment.reset(seed=start)
        ended = False
        while not ended:
            step = lengths[episode]
            action = act(state)
            states[episode, step], actions[episode, step] = state, coded_action(problem, action)
            state, reward, terminated, truncated, _ = environment.step(taken(problem, action))
            rewards[episode, step] = reward
            lengths[episode] += 1
            ended = terminated or truncated
    environment.close()
    returns = np.cumsum(rewards[:, ::-1], 1)[:, ::-1].astype(np.float32)
    return Trajectories(states, actions, returns, lengths, kinds.astype(np.int64))


def taken(problem: Problem, action: float) -> int | Floats:
    """An action in the type that the environment takes."""
    return int(action) if problem.discrete else np.array([action], np.float32)


def _policy(
    problem: Problem, expert: Expert, kind: str, random: np.random.Generator
) -> Callable[[NDArray[np.float64]], float]:
    def chance() -> float:
        if problem.discrete:
            return float(random.integers(problem.actions))
        return float(random.uniform(-problem.action_limit, problem.action_limit))

    plain = simpler(problem.name)

    def medium(state: NDArray[np.float64]) -> float:
        if problem.discrete:
            return chance() if random.random() < problem.disturbance else plain(state)
        limit = problem.action_limit
        noise = problem.disturbance * limit * random.standard_normal()
        return float(np.clip(plain(state) + noise, -limit, limit))

    return {"expert": expert, "medium": medium, "random": lambda state: chance()}[kind]
