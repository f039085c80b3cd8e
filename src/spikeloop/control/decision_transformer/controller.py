"""A spiking decision transformer as controller: observations in, commands of the actuators out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spikeloop.control.decision_transformer.compiled import CompiledStream
from spikeloop.control.decision_transformer.cost import Cost, short
from spikeloop.control.decision_transformer.problems import Action, Problem, action_of, coded_action
from spikeloop.control.decision_transformer.scaling import Scaling


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
        outputs: of the action head in the newest decision, (actions,) float32.

    """

    def __init__(
        self,
        problem: Problem,
        stream: CompiledStream,
        scaling: Scaling,
        target: float | None = None,
    ) -> None:
        """Take a trained network.

        Args:
            problem: what it was trained for.
            stream: see `storage.load_stream`.
            scaling: of what it sees.
            target: return to ask for; the training data's expert mean where None.

        """
        self.problem, self.scaling = problem, scaling
        self.target = scaling.target if target is None else target
        self._stream = stream
        self.reset()

    @property
    def cost(self) -> Cost:
        """Of the newest decision."""
        return self._stream.cost

    def reset(self) -> None:
        """Begin an episode: no context, the whole return ahead."""
        self._stream.reset()
        self._left = self.target
        self._last: tuple[Sequence[float], Action] | None = None
        self._before = np.zeros(self.problem.actions, np.float32)
        self.outputs = np.zeros(self.problem.actions, np.float32)

    def decide(self, state: Sequence[float]) -> list[float]:
        """The command for an observation, -1 to 1 for each actuator.

        Choices are told by 1 for the one that is taken and -1 for the others.

        Raises:
            ValueError: the observation has another number of values, or one that isn't finite.

        """
        problem = self.problem
        if len(state) != problem.values:
            raise ValueError(
                f"an observation of {len(state)} values, but task '{problem.name}' has "
                f"{problem.values}"
            )
        if not all(map(math.isfinite, state)):
            raise ValueError("an observation that isn't finite")
        if self._last is not None:
            self._left -= problem.reward(*self._last, state)
        seen = self.scaling.states(problem.see(np.asarray(state, np.float32)))
        asked = self.scaling.returns(np.array([self._left], np.float32))
        self.outputs = self._stream.decide(asked, seen, self._before)
        action = action_of(problem, self.outputs)
        self._last = (state, action)
        self._before = coded_action(problem, action)
        code = self._before
        return [float(v) for v in (2.0 * code - 1.0 if problem.discrete else code)]

    def fired(self) -> Fired:
        """Which neurons fired in the newest decision."""
        layers: list[str] = []
        sizes: list[int] = []
        indices: list[int] = []
        for name, spikes in self._stream.spikes.items():
            active = spikes.any((0, 1))
            indices += [sum(sizes) + int(index) for index in np.flatnonzero(active)]
            layers.append(short(name))
            sizes.append(active.size)
        return Fired(tuple(layers), tuple(sizes), tuple(indices))
