"""What controllers have in common that decide by an observation alone (slot `controller`)."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from actuator_msgs.msg import Actuators

from spikeloop.loop.slots import Topic
from spikeloop.msg import LoopCost, SpikeRecord
from spikeloop.nodes.messages import Message
from spikeloop.nodes.slot import InputError, SlotNode


class ObservingController(Protocol):
    """Decides by an observation and what it remembers."""

    def reset(self) -> None:
        """Forget everything."""

    def decide(self, observation: Sequence[float]) -> Sequence[float]:
        """A command of the actuators; raises ValueError for an observation that it can't use."""


class ObservingNode(SlotNode):
    """Observation in, command of the actuators and its cost out; a long pause ends the episode.

    A subclass makes `controller` in `on_configure`, has `forget_after` (s) in its parameters, and
    tells `cost` and `spikes` of the last decision. One with other inputs or commands names their
    topics and overrides `observed` and `commanded`.

    What is decided by must vary: an observation that stays exactly the same is a frozen one.
    """

    slot = "controller"
    publishes: tuple[str, ...] = ("actuators_raw", "loop/cost", "loop/spikes")
    joins: tuple[str, ...] = ("observation",)
    config: Any
    controller: ObservingController

    def reset(self) -> None:
        """Begin an episode."""
        self.controller.reset()
        self._last_ns = 0

    def answer(self, stamp_ns: int, inputs: dict[str, Message]) -> dict[str, Message]:
        """One decision."""
        since_ns, self._last_ns = stamp_ns - self._last_ns, stamp_ns
        if not 0 < since_ns <= self.config.forget_after * 1e9:
            self.controller.reset()
        observation = self.observed(inputs)
        try:
            command = self.controller.decide(observation)
        except ValueError as error:
            raise InputError(f"{self.joins[0]}: {error}") from error
        answer = self.commanded(command)
        return {**answer, "loop/cost": self.cost(), "loop/spikes": self.spikes()}

    def observed(self, inputs: dict[str, Message]) -> Sequence[float]:
        """What the controller decides by.

        Raises:
            InputError: an input can't be used.

        """
        return list(inputs["observation"].values)

    def commanded(self, command: Sequence[float]) -> dict[str, Message]:
        """The outputs that a command becomes."""
        return {"actuators_raw": Actuators(normalized=array("d", command))}

    def _entry(self, name: str) -> Topic:
        entry = super()._entry(name)
        return replace(entry, varies=True) if name == "observation" else entry

    def cost(self) -> LoopCost:
        """What the last decision took."""
        raise NotImplementedError

    def spikes(self) -> SpikeRecord:
        """Who fired in it."""
        raise NotImplementedError
