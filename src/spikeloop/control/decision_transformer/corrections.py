"""What the expert would do in the states that a learner gets into, added to the data.

Ross, Gordon and Bagnell, "A Reduction of Imitation Learning and Structured Prediction to No-Regret
Online Learning" (DAgger, AISTATS 2011), algorithm 3.1: the data of all rounds are kept, and from
the first round on the learner alone drives. It drives for the expert's return, so what it asks for
in each state is the return that the expert's answer is recorded with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spikeloop.control.decision_transformer.episodes import decider
from spikeloop.control.decision_transformer.experts import Expert
from spikeloop.control.decision_transformer.problems import Problem, action_of, coded_action
from spikeloop.control.decision_transformer.scaling import Scaling, scaling_of
from spikeloop.control.decision_transformer.training import Model
from spikeloop.control.decision_transformer.trajectories import (
    CORRECTED,
    Episode,
    Trajectories,
    environment_of,
    padded,
    stored,
    taken,
)

Learn = Callable[[Trajectories, Scaling], Model]


def with_corrections(
    problem: Problem, data: Trajectories, seed: int, folder: Path, expert: Expert, learn: Learn
) -> Trajectories:
    """The data and those of the rounds that a problem asks for; equal for equal seeds.

    Args:
        problem: the task.
        data: recorded before.
        seed: of the data.
        folder: each round is kept there, so that an interrupted run goes on.
        expert: who corrects.
        learn: gives a model trained on data.

    """
    rounds, count = problem.corrections
    first = problem.training_starts * seed + sum(problem.episodes)
    for index in range(rounds):
        seeds = range(first + index * count, first + (index + 1) * count)

        def drive(seeds: range = seeds, data: Trajectories = data) -> Trajectories:
            scaling = scaling_of(data)
            model = learn(data, scaling)
            environment = environment_of(problem)
            found = [_driven(problem, model, scaling, s, expert, environment) for s in seeds]
            environment.close()
            return padded(problem, found, np.full(count, CORRECTED))

        data = joined(data, stored(folder / f"corrections_{index + 1}.npz", drive))
    return data


def joined(one: Trajectories, other: Trajectories) -> Trajectories:
    """All episodes of both."""
    names = [field.name for field in fields(Trajectories)]
    return Trajectories(
        *[np.concatenate([getattr(one, name), getattr(other, name)]) for name in names]
    )


def _driven(
    problem: Problem, model: Model, scaling: Scaling, seed: int, expert: Expert, environment: Any
) -> Episode:
    """An episode of the learner with the expert's answers."""
    state, _ = environment.reset(seed=seed)
    if hasattr(expert, "begin"):
        expert.begin(environment)
    decide = decider(model, 1)
    before = np.zeros(problem.actions, np.float32)
    left, ended = scaling.target, False
    states, actions, done, asked = [], [], [], []
    while not ended:
        seen = problem.see(np.asarray(state, np.float32))
        states.append(seen)
        actions.append(coded_action(problem, expert(state)))
        asked.append(min(left, scaling.return_high))
        given = (scaling.returns(np.array([left], np.float32)), scaling.states(seen), before)
        output = decide(*[torch.from_numpy(value[None]) for value in given]).numpy()[0]
        action = action_of(problem, output)
        before = coded_action(problem, action)
        done.append(before)
        state, reward, terminated, truncated, _ = environment.step(taken(problem, action))
        left -= float(reward)
        ended = terminated or truncated
    rows, wanted, moved = (np.array(r, np.float32) for r in (states, actions, done))
    # Sums of these from a step on are what was asked for there.
    return Episode(rows, wanted, moved, -np.diff([*asked, 0.0]))
