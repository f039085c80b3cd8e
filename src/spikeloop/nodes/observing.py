"""What controllers have in common that decide by an observation alone (slot `controller`)."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Protocol

from actuator_msgs.msg import Actuators

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
    tells `cost` and `spikes` of the last decision.
    """

    slot = "controller"
    publishes = ("actuators_raw", "loop/cost", "loop/spikes")
    joins = ("observation",)
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
        try:
            command = self.controller.decide(list(inputs["observation"].values))
        except ValueError as error:
            raise InputError(f"observation: {error}") from error
        return {
            "actuators_raw": Actuators(normalized=array("d", command)),
            "loop/cost": self.cost(),
            "loop/spikes": self.spikes(),
        }

    def cost(self) -> LoopCost:
        """What the last decision took."""
        raise NotImplementedError

    def spikes(self) -> SpikeRecord:
        """Who fired in it."""
        raise NotImplementedError
