"""Offline trajectories: an expert's, a simpler controller's that is disturbed, and of chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from spikeloop.control.decision_transformer.experts import EXPERTS, Expert, simpler
from spikeloop.control.decision_transformer.problems import Action, Floats, Problem, coded_action

KINDS = ("expert", "medium", "random")
Episode = tuple[Floats, Floats, NDArray[np.float64]]
PUSH_STEPS, PUSHES = 5, 0.04
"""Longest push, and share of the steps at which one begins."""


@dataclass(frozen=True)
class Trajectories:
    """Recorded episodes, padded to the longest.

    Attributes:
        states: (episodes, steps, states) float32, as the problem sees them.
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
    environment = environment_of(problem)
    found = [
        episode_of(problem, seed, number, expert, environment)
        for number in range(sum(problem.episodes))
    ]
    environment.close()
    return padded(problem, found)


def episode_of(
    problem: Problem, seed: int, number: int, expert: Expert, environment: gymnasium.Env[Any, Any]
) -> Episode:
    """One of the episodes that `record` gives: states, actions and rewards, a row a step."""
    kind = KINDS[int(np.repeat(np.arange(len(KINDS)), problem.episodes)[number])]
    random = np.random.default_rng((seed, number))
    act = _policy(problem, expert, kind, random)
    push = _pushes(problem, kind, random)
    state, _ = environment.reset(seed=problem.training_starts * seed + number)
    if hasattr(expert, "begin"):
        expert.begin(environment)
    states, actions, rewards = [], [], []
    ended = False
    while not ended:
        action = act(state)
        states.append(problem.see(state))
        actions.append(coded_action(problem, action))
        state, reward, terminated, truncated, _ = environment.step(taken(problem, push(action)))
        rewards.append(float(reward))
        ended = terminated or truncated
    return np.array(states, np.float32), np.array(actions, np.float32), np.array(rewards)


def padded(problem: Problem, episodes: Sequence[Episode]) -> Trajectories:
    """All episodes of a problem in one."""
    count = len(episodes)
    states = np.zeros((count, problem.longest, problem.states), np.float32)
    actions = np.zeros((count, problem.longest, problem.actions), np.float32)
    rewards = np.zeros((count, problem.longest), np.float64)
    lengths = np.array([len(rewards) for _, _, rewards in episodes], np.int64)
    for index, (seen, taken_actions, gained) in enumerate(episodes):
        length = len(gained)
        states[index, :length] = seen
        actions[index, :length] = taken_actions
        rewards[index, :length] = gained
    returns = np.cumsum(rewards[:, ::-1], 1)[:, ::-1].astype(np.float32)
    kinds = np.repeat(np.arange(len(KINDS)), problem.episodes).astype(np.int64)
    return Trajectories(states, actions, returns, lengths, kinds)


def kept(path: Path, problem: Problem, seed: int, expert: Expert | None = None) -> Trajectories:
    """What `record` gives, from a file where it was recorded before, else written there."""
    if path.is_file():
        with np.load(path, allow_pickle=False) as file:
            found = Trajectories(**{f.name: file[f.name] for f in fields(Trajectories)})
        if np.array_equal(np.bincount(found.kinds, minlength=len(KINDS)), problem.episodes):
            return found
    data = record(problem, seed, expert)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part.npz")
    np.savez(draft, allow_pickle=False, **vars(data))
    draft.replace(path)
    return data


def environment_of(problem: Problem, **options: Any) -> gymnasium.Env[Any, Any]:
    """The environment of a problem."""
    return gymnasium.make(problem.environment, **options)


def taken(problem: Problem, action: Action) -> int | Floats:
    """An action in the type that the environment takes."""
    if problem.discrete:
        return int(action)
    return np.atleast_1d(np.asarray(action)).astype(np.float32)


def _policy(
    problem: Problem, expert: Expert, kind: str, random: np.random.Generator
) -> Callable[[NDArray[np.float64]], Action]:
    limit = problem.action_limit

    def chance() -> Action:
        if problem.discrete:
            return float(random.integers(problem.actions))
        return random.uniform(-limit, limit, problem.actions)

    plain = simpler(problem.name)

    def medium(state: NDArray[np.float64]) -> Action:
        if problem.discrete:
            return chance() if random.random() < problem.disturbance else plain(state)
        noise = problem.disturbance * limit * random.standard_normal(problem.actions)
        return np.clip(plain(state) + noise, -limit, limit)

    return {"expert": expert, "medium": medium, "random": lambda state: chance()}[kind]


def _pushes(problem: Problem, kind: str, random: np.random.Generator) -> Callable[[Action], Action]:
    """What is done instead of an action: for some steps, its last value is one of chance."""
    if kind != "expert" or random.random() >= problem.pushed:
        return lambda action: action
    left = 0
    value = 0.0

    def push(action: Action) -> Action:
        nonlocal left, value
        if left == 0 and random.random() < PUSHES:
            left = int(random.integers(2, PUSH_STEPS + 1))
            value = float(random.uniform(-1.0, 1.0)) * problem.action_limit
        if left == 0:
            return action
        left -= 1
        return np.array([*np.atleast_1d(action)[:-1], value])

    return push
