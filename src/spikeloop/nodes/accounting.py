"""What the simulator hears of the other nodes of a mission: latencies, lost messages, the gate."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from spikeloop.loop.accounting import StageTimes, messages_lost
from spikeloop.loop.slots import topic
from spikeloop.msg import StageTrace
from spikeloop.nodes.listening import Listener
from spikeloop.nodes.messages import qos_profile
from spikeloop.nodes.slot import SlotNode

IN_FLIGHT_S = 0.1
SETTLED_WITHIN_S = 1.5


class LoopAccount:
    """Gathers traces and counts while a mission runs, and sums them up at its end."""

    def __init__(self, node: SlotNode, listener: Listener, members: Iterable[str]) -> None:
        """Listen from now on; `members` are the full names of the nodes of the loop."""
        self._node = node
        self._listener = listener
        self._members = tuple(members)
        self._times = StageTimes()
        self._ended_ns = 0
        self._asked = False
        self._subscription = node.create_subscription(
            StageTrace, "loop/trace", self._on_trace, qos_profile(topic("loop/trace").qos)
        )

    def sent(self, stamp_ns: int) -> None:
        """Note that the measurements of a stamp leave now."""
        self._times.sent(stamp_ns, time.monotonic_ns())

    def _on_trace(self, trace: StageTrace) -> None:
        self._times.add(trace.node, trace.topic, trace.stamp, trace.received, trace.published)

    def end(self) -> None:
        """Note that nothing is sent any more: the counts to come are the last ones."""
        self._ended_ns = time.monotonic_ns()

    def is_settled(self) -> bool:
        """Whether every node has told its counts since the end, or too long ago should have."""
        since_s = (time.monotonic_ns() - self._ended_ns) / 1e9
        if not self._asked and since_s > IN_FLIGHT_S:
            self._asked = True
            self._listener.forget_values()
        told = all(self._listener.values(member) for member in self._members)
        return (self._asked and told) or since_s > SETTLED_WITHIN_S

    def summary(self) -> dict[str, Any]:
        """Latencies of the stages, and of each topic and reader how many messages were lost."""
        values = {member: self._listener.values(member) for member in self._members}
        return {"stages": self._times.summary(), "messages": messages_lost(values)}

    def command_after(self, command_topic: str) -> dict[str, float]:
        """How long after a measurement left its command did, ms; empty where none was traced."""
        told = {entry["topic"]: entry["since_measurement_ms"] for entry in self._times.summary()}
        found = told.get(command_topic) or {}
        return {f"measurement_to_command_{name}_ms": value for name, value in found.items()}

    def close(self) -> None:
        """Listen no more."""
        self._node.destroy_subscription(self._subscription)


class GateWatch:
    """Notices when the gate begins to send the safe command, from its diagnostics."""

    def __init__(self, listener: Listener, gate: str) -> None:
        """Watch the gate of a full node name."""
        self._listener, self._gate = listener, gate
        self._seen: dict[str, str] = {}
        self._count: int | None = None
        self._goes_on = False

    def news(self) -> str:
        """Why the gate has begun to send the safe command; empty where it hasn't."""
        values = self._listener.values(self._gate)
        if not values or values is self._seen:
            return ""
        self._seen = values
        count = int(values.get("safe_commands", 0))
        # A gate that ran before has sent some already.
        before, self._count = count if self._count is None else self._count, count
        went_on, self._goes_on = self._goes_on, count > before
        return self._listener.last_words(self._gate) if self._goes_on and not went_on else ""
