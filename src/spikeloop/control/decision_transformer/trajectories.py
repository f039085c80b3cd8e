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

KINDS = ("expert", "medium", "random", "corrected")
RECORDED, CORRECTED = 3, 3
"""So many kinds are recorded before any learning; see `corrections` for the other."""
PUSH_STEPS, PUSHES = 5, 0.04
"""Longest push, and share of the steps at which one begins."""


@dataclass(frozen=True)
class Episode:
    """One episode, a row a step.

    Attributes:
        states: (steps, states) float32, as the problem sees them.
        actions: (steps, actions) float32, coded: what is to be learned.
        done: (steps, actions) float32, coded: what was done, and so is seen as the action before.
        rewards: (steps,).

    """

    states: Floats
    actions: Floats
    done: Floats
    rewards: NDArray[np.float64]


@dataclass(frozen=True)
class Trajectories:
    """Recorded episodes, padded to the longest.

    Attributes:
        states: (episodes, steps, states) float32, as the problem sees them.
        actions: (episodes, steps, actions) float32, coded; see `Episode` for both.
        done: (episodes, steps, actions) float32, coded.
        returns: (episodes, steps) float32, sum of the rewards from this step on.
        lengths: (episodes,) int64.
        kinds: (episodes,) int64, index into `KINDS`.

    """

    states: Floats
    actions: Floats
    done: Floats
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
    return padded(problem, found, _kinds(problem))


def _kinds(problem: Problem) -> NDArray[np.int64]:
    """Of each recorded episode."""
    return np.repeat(np.arange(RECORDED), problem.episodes).astype(np.int64)


def episode_of(
    problem: Problem, seed: int, number: int, expert: Expert, environment: gymnasium.Env[Any, Any]
) -> Episode:
    """One of the episodes that `record` gives."""
    kind = KINDS[int(_kinds(problem)[number])]
    random = np.random.default_rng((seed, number))
    guide = expert if kind == "expert" else simpler(problem.name)
    act = _policy(problem, guide, kind, random)
    push = _pushes(problem, kind, random)
    state, _ = environment.reset(seed=problem.training_starts * seed + number)
    if hasattr(guide, "begin"):
        guide.begin(environment)
    states, actions, done, rewards = [], [], [], []
    ended = False
    while not ended:
        action = act(state)
        states.append(problem.see(state))
        actions.append(coded_action(problem, action))
        pushed = push(action)
        done.append(coded_action(problem, pushed))
        state, reward, terminated, truncated, _ = environment.step(taken(problem, pushed))
        rewards.append(float(reward))
        ended = terminated or truncated
    seen, wanted, moved = (np.array(rows, np.float32) for rows in (states, actions, done))
    return Episode(seen, wanted, moved, np.array(rewards))


def padded(problem: Problem, episodes: Sequence[Episode], kinds: NDArray[np.int64]) -> Trajectories:
    """Episodes of a problem in one; `kinds` (episodes,) as in `Trajectories`."""
    count = len(episodes)

    def column(name: str, values: int) -> Floats:
        found = np.zeros((count, problem.longest, values), np.float32)
        for index, episode in enumerate(episodes):
            rows = getattr(episode, name)
            found[index, : len(rows)] = rows
        return found

    rewards = np.zeros((count, problem.longest), np.float64)
    for index, episode in enumerate(episodes):
        rewards[index, : len(episode.rewards)] = episode.rewards
    lengths = np.array([len(episode.rewards) for episode in episodes], np.int64)
    returns = np.cumsum(rewards[:, ::-1], 1)[:, ::-1].astype(np.float32)
    states = column("states", problem.states)
    actions, done = (column(name, problem.actions) for name in ("actions", "done"))
    return Trajectories(states, actions, done, returns, lengths, kinds)


def kept(path: Path, problem: Problem, seed: int, expert: Expert | None = None) -> Trajectories:
    """What `record` gives, from a file where it was recorded before, else written there."""
    found = stored(path, lambda: record(problem, seed, expert))
    if np.array_equal(found.kinds, _kinds(problem)):
        return found
    path.unlink()
    return stored(path, lambda: record(problem, seed, expert))


def stored(path: Path, make: Callable[[], Trajectories]) -> Trajectories:
    """Trajectories from a file, or made and written there, whole or not at all."""
    if path.is_file():
        with np.load(path, allow_pickle=False) as file:
            return Trajectories(**{f.name: file[f.name] for f in fields(Trajectories)})
    data = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part.npz")
    np.savez(draft, allow_pickle=False, **vars(data))
    draft.replace(path)
    return data


def environment_of(problem: Problem, **options: Any) -> gymnasium.Env[Any, Any]:
    """The environment of a problem."""
    return gymnasium.make(problem.environment, **(dict(problem.options) | options))


def taken(problem: Problem, action: Action) -> int | Floats:
    """An action in the type that the environment takes."""
    if problem.discrete:
        return int(action)
    return np.atleast_1d(np.asarray(action)).astype(np.float32)


def _policy(
    problem: Problem, guide: Expert, kind: str, random: np.random.Generator
) -> Callable[[NDArray[np.float64]], Action]:
    limit = problem.action_limit

    def chance() -> Action:
        if problem.discrete:
            return float(random.integers(problem.actions))
        return random.uniform(-limit, limit, problem.actions)

    def medium(state: NDArray[np.float64]) -> Action:
        if problem.discrete:
            return chance() if random.random() < problem.disturbance else guide(state)
        noise = problem.disturbance * limit * random.standard_normal(problem.actions)
        return np.clip(guide(state) + noise, -limit, limit)

    return {"expert": guide, "medium": medium, "random": lambda state: chance()}[kind]


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
