"""A spiking decision transformer as controller: observations in, commands of the actuators out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from spikeloop.control.decision_transformer.cost import Cost, CostMeter, short
from spikeloop.control.decision_transformer.episodes import action_of
from spikeloop.control.decision_transformer.model import SpikingDecisionTransformer
from spikeloop.control.decision_transformer.problems import Problem, coded_action
from spikeloop.control.decision_transformer.storage import BadWeightsError, Trained
from spikeloop.control.decision_transformer.streaming import Stream


@dataclass(frozen=True)
class Fired:
    """Which neurons fired in a decision.

    Attributes:
        layers: their names.
        sizes: neurons of each.
        indices: of those that fired in any step or token, through all layers.

    """

    layers: tuple[str, ...]
    sizes: tuple[int, ...]
    indices: tuple[int, ...]


class Controller:
    """Decides, keeps the context, and reckons the reward that nobody tells it.

    Attributes:
        cost: of the newest decision.
        outputs: of the action head, (actions,) float32.

    """

    def __init__(self, problem: Problem, trained: Trained, target: float | None = None) -> None:
        """Take a trained spiking model.

        Args:
            problem: what it was trained for.
            trained: the model and its scaling.
            target: return to ask for; the training data's expert mean where None.

        Raises:
            BadWeightsError: the model isn't a spiking one.

        """
        if not isinstance(trained.model, SpikingDecisionTransformer):
            raise BadWeightsError("the controller takes spiking models alone")
        self.problem, self.scaling = problem, trained.scaling
        self.target = trained.scaling.target if target is None else target
        self._stream = Stream(trained.model)
        self._meter = CostMeter(trained.model)
        self.cost = Cost()
        self.reset()

    def reset(self) -> None:
        """Begin an episode: no context, the whole return ahead."""
        self._stream.reset()
        self._left = self.target
        self._before = np.zeros(self.problem.actions, np.float32)
        self.outputs = np.zeros(self.problem.actions, np.float32)

    def decide(self, state: Sequence[float]) -> list[float]:
        """The command for an observation, -1 to 1 for each actuator.

        Choices are told by 1 for the one that is taken and -1 for the others.

        Raises:
            ValueError: the observation has another number of values, or one that isn't finite.

        """
        problem = self.problem
        if len(state) != problem.states:
            raise ValueError(
                f"an observation of {len(state)} values, but task '{problem.name}' has "
                f"{problem.states}"
            )
        if not all(map(math.isfinite, state)):
            raise ValueError("an observation that isn't finite")
        seen = self.scaling.states(np.asarray(state, np.float32)[None])
        asked = self.scaling.returns(np.array([[self._left]], np.float32))
        given = [torch.from_numpy(column) for column in (asked, seen, self._before[None].copy())]
        self.outputs = self._stream.decide(*given)[0].numpy()
        self.cost = self._meter.take()
        action = action_of(problem, self.outputs)
        self._left -= problem.reward(state, action)
        self._before = coded_action(problem, action)
        code = self._before
        return [float(v) for v in (2.0 * code - 1.0 if problem.discrete else code)]

    def fired(self) -> Fired:
        """Which neurons fired in the newest decision."""
        layers: list[str] = []
        sizes: list[int] = []
        indices: list[int] = []
        for name, spikes in self._meter.last.items():
            # Steps, batch and tokens come first; the neurons of a token are the rest.
            active = spikes.flatten(3).amax((0, 1, 2)) > 0
            indices += [sum(sizes) + int(index) for index in active.nonzero()[:, 0]]
            layers.append(short(name))
            sizes.append(active.numel())
        return Fired(tuple(layers), tuple(sizes), tuple(indices))

    def close(self) -> None:
        """Let go of the model."""
        self._meter.close()
