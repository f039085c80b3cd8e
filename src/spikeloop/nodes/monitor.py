"""Watches that every part of the loop is alive (slot `monitor`)."""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from std_msgs.msg import Bool

from spikeloop.nodes.listening import Listener
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import SlotNode
from spikeloop.parameters import parameter

CHECK_S = 0.1


@dataclass(frozen=True)
class MonitorConfig:
    """Whom the monitor watches."""

    watch: tuple[str, ...] = parameter(
        (), "Full names of the nodes that must be alive.", fixed=True
    )
    silent_after: float = parameter(
        2.5, "A node counts as dead after this silence.", unit="s", low=0.5, high=60.0, fixed=True
    )


class MonitorNode(SlotNode):
    """Ends the mission, with a stop, when a node falls silent; each tells twice a second."""

    slot = "monitor"
    text = "Ends the mission safely when a node of the loop falls silent."
    config_type = MonitorConfig
    publishes = ("stop",)
    config: MonitorConfig

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to listen."""
        self._listener = Listener(self, self.config.watch, self.config.silent_after)
        self._check = self.create_timer(CHECK_S, self._on_check, clock=self._steady)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Listen no more."""
        self._listener.close()
        self.destroy_timer(self._check)
        return super().on_deactivate(state)

    def _on_check(self) -> None:
        silent = self._listener.silent()
        if silent and self.exit_code is None:
            self.emit("stop", Bool(data=True))
            self.fail(f"mission stopped: {silent}")


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(MonitorNode, args)
