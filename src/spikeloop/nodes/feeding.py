"""Plays the rest of the loop for a node on trial, in lockstep, each run with the same inputs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeloop.loop.lockstep import Lockstep
from spikeloop.loop.slots import COMMAND, TOPICS
from spikeloop.nodes.messages import Message, message_class, qos_profile, stamp_of, to_time
from spikeloop.nodes.stimulus import stimulus
from spikeloop.nodes.trial import Examiner, NodeProcess

SEED = 7
DECISIONS = 12
RESEND_S = 0.2

Outputs = dict[tuple[str, int], str]
"""What a node gave, by topic and stamp, as text that is equal exactly when the messages are."""


@dataclass(frozen=True)
class Wires:
    """The topics of a node with their types.

    Attributes:
        inputs: what it is fed, name to ROS type.
        outputs: what is kept of it.
        length: elements of lists of numbers in the inputs.

    """

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    length: int


def stimuli(wires: Wires, decision: int) -> dict[str, Message]:
    """The inputs of one decision, by topic; equal decisions get equal inputs."""
    generator = np.random.default_rng((SEED, decision))
    return {
        name: stimulus(type_name, generator, wires.length)
        for name, type_name in sorted(wires.inputs.items())
    }


class _Partner:
    """Publishers of the inputs and subscriptions of the outputs."""

    def __init__(
        self, wires: Wires, lockstep: Lockstep, process: NodeProcess, examiner: Examiner
    ) -> None:
        self._wires, self._lockstep = wires, lockstep
        self._process, self._examiner = process, examiner
        self._got: Outputs = {}
        self._newest: dict[str, int] = {}
        self._publishers: dict[str, Any] = {}
        self._subscriptions: list[Any] = []
        self.begin()

    def _keep(self, name: str) -> Any:
        def keep(message: Message) -> None:
            self._got[name, stamp_of(message)] = repr(message)
            self._newest[name] = stamp_of(message)
            self._on_output(name, stamp_of(message))

        return keep

    def begin(self) -> None:
        """Become new ends of all topics, at which nothing of an earlier run waits.

        To be called before the node is activated, for then its outputs may come at once.
        """
        self._got.clear()
        self._newest.clear()
        node = self._examiner.node
        for publisher in self._publishers.values():
            node.destroy_publisher(publisher)
        for subscription in self._subscriptions:
            node.destroy_subscription(subscription)
        self._publishers = {
            name: node.create_publisher(message_class(type_name), name, _qos(name))
            for name, type_name in self._wires.inputs.items()
        }
        self._subscriptions = [
            node.create_subscription(message_class(type_name), name, self._keep(name), _qos(name))
            for name, type_name in self._wires.outputs.items()
        ]

    def _on_output(self, name: str, stamp_ns: int) -> None:
        """Do what an output asks for."""

    def _send(self, messages: Mapping[str, Message], stamp_ns: int) -> None:
        for name, message in messages.items():
            if hasattr(message, "header"):
                message.header.stamp = to_time(stamp_ns)
            self._publishers[name].publish(message)


def _qos(name: str) -> Any:
    # A topic of the user's own can only be a source of commands.
    usual = TOPICS[name].qos if name in TOPICS else COMMAND
    return qos_profile(Lockstep.qos(usual))


class Feeder(_Partner):
    """Plays the simulator: sends inputs, and goes on when every output that is due has come."""

    def run(self) -> Outputs:
        """What the node answers; TrialError where an answer that is due doesn't come."""
        for decision in range(DECISIONS):
            stamp_ns = self._lockstep.stamp(decision * self._lockstep.timing.period)
            self._decide(stimuli(self._wires, decision), stamp_ns)
        return dict(self._got)

    def _decide(self, messages: Mapping[str, Message], stamp_ns: int) -> None:
        self._send(messages, stamp_ns)
        resend_at = time.monotonic() + RESEND_S

        def answered() -> bool:
            nonlocal resend_at
            # Inputs from before it subscribed are lost, and it answers a repeated one alike.
            if time.monotonic() > resend_at:
                self._send(messages, stamp_ns)
                resend_at = time.monotonic() + RESEND_S
            return all((name, stamp_ns) in self._got for name in self._wires.outputs)

        outputs = ", ".join(self._wires.outputs)
        self._examiner.wait(self._process, answered, f"output {outputs} of stamp {stamp_ns}")


class Commander(_Partner):
    """Plays controller and gate for a simulator: answers each tick at which a command is due."""

    def run(self) -> Outputs:
        """What the simulator sent in the first half of its ticks here."""
        period = next(iter(self._lockstep.inputs.values())).period
        half_ns = self._lockstep.stamp(DECISIONS * period // 2)

        def all_are_past_half() -> bool:
            # Topics overtake one another, so each must have come as far.
            return all(self._newest.get(name, 0) >= half_ns for name in self._wires.outputs)

        self._examiner.wait(self._process, all_are_past_half, f"outputs past stamp {half_ns}")
        return {key: text for key, text in self._got.items() if key[1] < half_ns}

    def _on_output(self, name: str, stamp_ns: int) -> None:
        tick = self._lockstep.tick(stamp_ns)
        timing = next(iter(self._lockstep.inputs.values()))
        if tick is not None and tick % timing.period == 0:
            decision = tick // timing.period
            if decision < DECISIONS:
                self._send(stimuli(self._wires, decision), stamp_ns)
