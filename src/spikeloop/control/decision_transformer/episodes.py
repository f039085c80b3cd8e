"""Episodes of decision transformers on the real Gymnasium environments, many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikeloop.control.decision_transformer.model import SpikingDecisionTransformer
from spikeloop.control.decision_transformer.plain import PlainDecisionTransformer
from spikeloop.control.decision_transformer.problems import Problem, action_of, coded_action
from spikeloop.control.decision_transformer.scaling import Scaling
from spikeloop.control.decision_transformer.streaming import Stream
from spikeloop.control.decision_transformer.training import Model
from spikeloop.control.decision_transformer.trajectories import environment_of, taken

Doubles = NDArray[np.float64]
Decide = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Scaled returns (batch, 1), scaled states, coded actions before in; outputs out."""


@dataclass(frozen=True)
class Outcome:
    """What episodes gave.

    Attributes:
        returns: (episodes,) sums of the environment's rewards.
        steps: (episodes,) their lengths.
        successes: (episodes,) 0 or 1, whether the goal was reached; NaN where the environment
            doesn't tell.

    """

    returns: Doubles
    steps: NDArray[np.int64]
    successes: Doubles


class PlainWindow:
    """The plain transformer over a sliding window, computed anew at each decision."""

    def __init__(self, model: PlainDecisionTransformer) -> None:
        """Start with an empty window."""
        self.model = model
        self._columns: list[tuple[Tensor, Tensor, Tensor]] = []
        self._first = 0

    @torch.inference_mode()
    def decide(self, returns: Tensor, states: Tensor, before: Tensor) -> Tensor:
        """The output for the newest state; see `Stream.decide`."""
        self._columns.append((returns, states, before))
        if len(self._columns) > self.model.config.context:
            self._columns.pop(0)
            self._first += 1
        window = [torch.stack(column, 1) for column in zip(*self._columns, strict=True)]
        decision = (self._first + torch.arange(len(self._columns))).expand(len(states), -1)
        output: Tensor = self.model(*window, decision)
        return output[:, -1]


def decider(model: Model, batch: int) -> Decide:
    """What decides for a batch of episodes that begin together."""
    if isinstance(model, SpikingDecisionTransformer):
        return Stream(model, batch).decide
    return PlainWindow(model).decide


def play(
    problem: Problem,
    scaling: Scaling,
    model: Model,
    seeds: Sequence[int],
    targets: Doubles | None = None,
    **options: Any,
) -> Outcome:
    """Play one episode for each seed.

    Args:
        problem: the task.
        scaling: of the model's training data.
        model: spiking or plain.
        seeds: of the environments.
        targets: (episodes,) return that is asked for in each; the scaling's where None.
        options: of the environment.

    """
    count = len(seeds)
    environments = [environment_of(problem, **options) for _ in seeds]
    states = np.stack(
        [e.reset(seed=seed)[0] for e, seed in zip(environments, seeds, strict=True)]
    ).astype(np.float32)
    wanted = np.full(count, scaling.target) if targets is None else targets.astype(np.float64)
    before = np.zeros((count, problem.actions), np.float32)
    returns, steps = np.zeros(count), np.zeros(count, np.int64)
    going, successes = np.ones(count, bool), np.full(count, np.nan)
    decide = decider(model, count)
    while going.any():
        asked = scaling.returns((wanted - returns).astype(np.float32)[:, None])
        given = (asked, scaling.states(problem.see(states)), before)
        output = decide(*[torch.from_numpy(column.copy()) for column in given]).numpy()
        for index in np.flatnonzero(going):
            action = action_of(problem, output[index])
            before[index] = coded_action(problem, action)
            state, reward, terminated, truncated, info = environments[index].step(
                taken(problem, action)
            )
            states[index] = state
            returns[index] += float(reward)
            steps[index] += 1
            going[index] = not (terminated or truncated)
            successes[index] = info.get("is_success", np.nan)
    for environment in environments:
        environment.close()
    return Outcome(returns, steps, successes)
