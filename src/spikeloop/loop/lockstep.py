"""Lockstep by joining stamps: a slow machine gives the same run as a fast one.

Tick k carries the integer stamp t_k = start + k * tick, in nanoseconds. Sensors carry it exactly,
and outputs copy the stamp of their input. A slot of period P and latency L (in ticks) owes, at
tick k, the output that carries the stamp of tick floor((k - L) / P) * P. A consumer acts at a stamp
when every input that is due there has come; the simulator goes on when every output that is due
has come. Nobody reads a clock, so the order of arrival changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from spikeloop.loop.slots import Qos

Message = TypeVar("Message")


@dataclass(frozen=True)
class Timing:
    """Period and latency of one stream, in ticks."""

    period: int = 1
    latency: int = 0

    def __post_init__(self) -> None:
        """Refuse what no schedule can hold.

        Raises:
            ValueError: period below 1 or latency below 0.

        """
        if self.period < 1 or self.latency < 0:
            raise ValueError(
                f"period must be at least 1 tick and latency at least 0, "
                f"not {self.period} and {self.latency}"
            )

    def due_tick(self, tick: int) -> int:
        """Tick whose output is due at `tick`; negative where none is due yet."""
        return (tick - self.latency) // self.period * self.period


@dataclass(frozen=True)
class Lockstep:
    """What one node must know to take part in a lockstep run.

    Attributes:
        start_ns: stamp of tick 0, above zero.
        tick_ns: duration of a tick.
        timing: period and latency of this node's own outputs.
        inputs: period and latency of each input that it joins, by topic.
        readers: how many readers each of its outputs will have, by topic; it subscribes to its
            inputs only once they are there, so that no answer is lost.

    """

    start_ns: int
    tick_ns: int
    timing: Timing = Timing()
    inputs: Mapping[str, Timing] = field(default_factory=dict)
    readers: Mapping[str, int] = field(default_factory=dict)

    def stamp(self, tick: int) -> int:
        """Stamp of a tick, ns."""
        return self.start_ns + tick * self.tick_ns

    def tick(self, stamp_ns: int) -> int | None:
        """Tick of a stamp; None where the stamp is no tick's."""
        tick, rest = divmod(stamp_ns - self.start_ns, self.tick_ns)
        return None if rest or tick < 0 else tick

    @staticmethod
    def qos(usual: Qos) -> Qos:
        """QoS of a topic in the loop: nothing may be lost, so it is reliable and deep."""
        return replace(usual, reliable=True, depth=max(usual.depth, 10))

    def to_json(self) -> str:
        """As the text of the parameter `lockstep`."""
        return json.dumps(
            {
                "start_ns": self.start_ns,
                "tick_ns": self.tick_ns,
                "timing": [self.timing.period, self.timing.latency],
                "inputs": {name: [t.period, t.latency] for name, t in self.inputs.items()},
                "readers": dict(self.readers),
            }
        )

    @staticmethod
    def from_json(text: str) -> Lockstep:
        """Read what `to_json` wrote.

        Raises:
            ValueError: not such a text; the message says what is wrong.

        """
        try:
            data = json.loads(text)
            return Lockstep(
                start_ns=int(data["start_ns"]),
                tick_ns=int(data["tick_ns"]),
                timing=Timing(*data["timing"]),
                inputs={name: Timing(*pair) for name, pair in data["inputs"].items()},
                readers={name: int(count) for name, count in data["readers"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"parameter 'lockstep' can't be read: {error!r}") from error


class StampJoin(Generic[Message]):
    """Collects the inputs of one consumer until all that are due at a stamp are there.

    A stamp that was answered already is reported as `repeat`, so that the consumer can give the
    same answer again without touching its state; an older one is ignored.
    """

    def __init__(self, lockstep: Lockstep) -> None:
        """Join the inputs that `lockstep` names."""
        self._lockstep = lockstep
        self._held: dict[str, dict[int, Message]] = {name: {} for name in lockstep.inputs}
        self._answered = -1

    def add(self, name: str, stamp_ns: int, message: Message) -> None:
        """Take one input. A stamp outside the ticks of its stream is ignored."""
        tick = self._lockstep.tick(stamp_ns)
        if tick is not None and tick % self._lockstep.inputs[name].period == 0:
            self._held[name][tick] = message

    def ready(self) -> tuple[int, dict[str, Message]] | None:
        """The next tick at which all is there, with its inputs; None while something is missing.

        Of several complete ticks the earliest unanswered one comes first. A node that starts in
        mid-run begins with the first tick of which it gets all.
        """
        period = self._lockstep.timing.period
        ticks = sorted(
            {
                tick
                for stream in self._held.values()
                for tick in stream
                if tick % period == 0 and tick > self._answered
            }
        )
        for tick in ticks:
            inputs = self._inputs_at(tick)
            if inputs is not None:
                return tick, inputs
        return None

    def is_repeat(self, name: str, stamp_ns: int) -> bool:
        """Whether this is an input of the tick that was answered last."""
        tick = self._lockstep.tick(stamp_ns)
        return tick is not None and self._inputs_due(self._answered).get(name) == tick

    def answered(self, tick: int) -> None:
        """Note that `tick` is answered, and forget the inputs that no later tick needs."""
        self._answered = tick
        due = self._inputs_due(tick)
        for name, stream in self._held.items():
            for old in [held for held in stream if held < due.get(name, 0)]:
                del stream[old]

    def _inputs_due(self, tick: int) -> dict[str, int]:
        due = {name: timing.due_tick(tick) for name, timing in self._lockstep.inputs.items()}
        return {name: at for name, at in due.items() if at >= 0}

    def _inputs_at(self, tick: int) -> dict[str, Message] | None:
        due = self._inputs_due(tick)
        if any(at not in self._held[name] for name, at in due.items()):
            return None
        return {name: self._held[name][at] for name, at in due.items()}


class DueOutputs(Generic[Message]):
    """What the simulator waits for: the outputs due at each tick, in order of dependency."""

    def __init__(self, lockstep: Lockstep, outputs: Mapping[str, Timing]) -> None:
        """Wait for `outputs`, given in order of dependency (perception first, commands last)."""
        self._lockstep = lockstep
        self._outputs = dict(outputs)
        self._newest: dict[str, tuple[int, Message]] = {}

    def add(self, name: str, stamp_ns: int, message: Message) -> bool:
        """Take an output; True if it is newer than what was there."""
        tick = self._lockstep.tick(stamp_ns)
        if tick is None or tick <= self._newest.get(name, (-1,))[0]:
            return False
        self._newest[name] = (tick, message)
        return True

    def missing(self, tick: int) -> list[str]:
        """Outputs that are due at `tick` and haven't come, in order of dependency."""
        return [
            name
            for name, timing in self._outputs.items()
            if timing.due_tick(tick) > self._newest.get(name, (-1,))[0]
        ]

    def has_come(self, name: str) -> bool:
        """Whether an output came at all so far."""
        return name in self._newest

    def at(self, name: str, tick: int) -> Message | None:
        """The output that is due at `tick`; None where none is due yet.

        Raises:
            KeyError: it is due and hasn't come, or the newest one belongs to another tick.

        """
        due = self._outputs[name].due_tick(tick)
        if due < 0:
            return None
        stamp, message = self._newest[name]
        if stamp != due:
            raise KeyError(f"output '{name}' of tick {due} is not there, the newest is of {stamp}")
        return message

    def describe(self, name: str, tick: int) -> str:
        """What of an output is due and what came last, for people."""
        due = self._lockstep.stamp(self._outputs[name].due_tick(tick))
        newest: Any = self._newest.get(name)
        last = "none" if newest is None else f"{self._lockstep.stamp(newest[0]) / 1e9:.3f} s"
        return f"due at stamp {due / 1e9:.3f} s, last came {last}"
