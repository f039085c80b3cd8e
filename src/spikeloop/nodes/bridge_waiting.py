"""What the simulator's bridge does while an output that is due doesn't come."""

from __future__ import annotations

import time
from collections.abc import Mapping

from spikeloop.loop.lockstep import DueOutputs
from spikeloop.loop.slots import SLOTS
from spikeloop.nodes.bridge_config import BridgeConfig
from spikeloop.nodes.listening import Listener
from spikeloop.nodes.messages import Message
from spikeloop.nodes.sensor_outlet import SensorOutlet
from spikeloop.nodes.slot import SlotNode

RESEND_LIMIT_S = 0.4
RESPAWN_PATIENCE = 4.0


class Waiting:
    """Sends again, then names who doesn't answer, then gives up.

    Attributes:
        resent: how often everything was sent again.

    """

    def __init__(
        self,
        node: SlotNode,
        config: BridgeConfig,
        outputs: DueOutputs[Message],
        outlet: SensorOutlet,
        listener: Listener,
        nodes: Mapping[str, str],
    ) -> None:
        """Look after `outputs`; `nodes` tells the node in each slot."""
        self.resent = 0
        self._node, self._config, self._outputs = node, config, outputs
        self._outlet, self._listener, self._nodes = outlet, listener, nodes
        self.begin()

    def begin(self) -> None:
        """Nothing is late from now on."""
        self._since_ns, self._named = time.monotonic_ns(), False
        self._resend_at = self._config.resend_after

    def look(self, tick: int) -> str:
        """Do what the time calls for; says why the mission has failed, empty while it hasn't."""
        missing = self._outputs.missing(tick)
        if not missing:
            return ""
        wait = (time.monotonic_ns() - self._since_ns) / 1e9
        # Waits grow, so that a slow node isn't flooded, but not for ever: a replaced one is due.
        if wait > self._resend_at:
            self._resend_at += min(max(wait, self._config.resend_after), RESEND_LIMIT_S)
            self.resent += 1
            self._outlet.send_again()
        if wait > self._config.name_after and not self._named:
            self._named = True
            if self._outputs.has_come(missing[0]):
                self._node.get_logger().error(self._who(missing[0], tick))
            else:
                slot_name = self._slot_of(missing[0])
                self._node.get_logger().info(f"waiting for slot '{slot_name}' to start")
        return self._who(missing[0], tick) if wait > self._patience(missing[0]) else ""

    def _patience(self, name: str) -> float:
        """How long an output is waited for, s.

        Before its first one, its node may still be on its way to find the sensors: that is start.
        """
        if not self._outputs.has_come(name):
            return self._config.start_within
        respawns = self._slot_of(name) in self._config.respawn
        return self._config.fail_after * (RESPAWN_PATIENCE if respawns else 1.0)

    def _slot_of(self, name: str) -> str:
        """The slot that owes an output."""
        return next((s for s in self._nodes if name in SLOTS[s].due), "its slot")

    def _who(self, name: str, tick: int) -> str:
        writers = [
            end.node_name
            for end in self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(name))
        ]
        slot_name = self._slot_of(name)
        who = self._nodes.get(slot_name) or ", ".join(writers) or "nobody"
        words = self._listener.last_words(f"/{who}")
        return (
            f"no answer from slot '{slot_name}' (node {who}) on {name}: "
            f"{self._outputs.describe(name, tick)}; it said last: {words}"
        )
