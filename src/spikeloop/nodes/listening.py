"""Listens to `/diagnostics` for signs of life of other nodes, and keeps their last words."""

from __future__ import annotations

import time
from collections.abc import Iterable

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from spikeloop.loop.liveness import Liveness
from spikeloop.loop.slots import topic
from spikeloop.nodes.messages import qos_profile


class Listener:
    """Knows who fell silent. To be seen in the graph counts as the first sign of life."""

    def __init__(self, node: Node, members: Iterable[str], timeout_s: float) -> None:
        """Listen from now on; `members` are full node names."""
        self._node = node
        self._alive = Liveness(members, timeout_s)
        self._words: dict[str, str] = {}
        self._values: dict[str, dict[str, str]] = {}
        qos = qos_profile(topic("/diagnostics").qos)
        self._subscription = node.create_subscription(
            DiagnosticArray, "/diagnostics", self._on_diagnostics, qos
        )

    def silent(self) -> str:
        """Who is silent for too long, as a sentence with its last words; empty if nobody is."""
        now = time.monotonic_ns()
        unheard = self._alive.unheard()
        if unheard:
            for end in self._node.get_publishers_info_by_topic("/diagnostics"):
                name = f"{end.node_namespace.rstrip('/')}/{end.node_name}"
                if name in unheard:
                    self._alive.heard(name, now, is_active=False)
        return self._alive.silent(now)

    def last_words(self, member: str) -> str:
        """What a node said last of its health."""
        return self._words.get(member, "nothing")

    def values(self, member: str) -> dict[str, str]:
        """The values that a node told last with its health."""
        return self._values.get(member, {})

    def forget_values(self) -> None:
        """Let `values` be empty until a node tells anew."""
        self._values.clear()

    def close(self) -> None:
        """Listen no more."""
        self._node.destroy_subscription(self._subscription)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {pair.key: pair.value for pair in status.values}
            is_active = values.get("state", "active") == "active"
            self._alive.heard(status.name, time.monotonic_ns(), is_active)
            self._words[status.name] = status.message
            self._values[status.name] = values
