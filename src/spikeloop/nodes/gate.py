"""The gate: the only publisher to the actuators (slot `gate`)."""

from __future__ import annotations

import time
from array import array

from geometry_msgs.msg import Twist
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from std_srvs.srv import SetBool

from spikeloop.control.gate.config import GateConfig
from spikeloop.control.gate.gate import Decision, Gate
from spikeloop.loop.health import Level
from spikeloop.loop.slots import Topic, topic
from spikeloop.nodes.commands import command_values, twist_of
from spikeloop.nodes.messages import Message, message_class, stamp_of
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import SlotNode

CHECK_S = 0.05
LAST_WORD = "the gate ends"


class GateNode(SlotNode):
    """Priorities, limits, time-out, stop; no NaN or Inf passes, and the last word is safe."""

    slot = "gate"
    text = "Lets the most important valid command through to the actuators, else the safe one."
    config_type = GateConfig
    config: GateConfig
    safe_commands = 0
    """How many it has sent since its process began."""

    @classmethod
    def wiring(cls, config: GateConfig) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """The topics depend on the kind of command."""
        sources = config.sources or (f"{config.kind}_raw",)
        return (config.kind,), (*sources, "stop"), ()

    def wire(self) -> None:
        """Take the topics of the kind of command that the robot has; a stop holds."""
        self.output = self.config.kind
        self.publishes, self.subscribes, _ = self.wiring(self.config)
        self.sources = self.subscribes[:-1]
        before = getattr(self, "gate", None)
        self.gate = Gate(self.config, self.sources)
        if before is not None:
            self.gate.stopped = before.stopped

    def reset(self) -> None:
        """No command has come; a stop holds."""
        self.gate.forget()
        self._has_passed = False
        self._newest_stamp = 0

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Offer the service `~/stop` (data: true stops, false releases)."""
        self.offer(SetBool, "~/stop", self._on_stop, inactive=True)
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Watch for silence by the steady clock, but not in lockstep, where time can stand."""
        if self.lockstep is None:
            self._watch = self.create_timer(CHECK_S, self._on_check, clock=self._steady)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Send the safe command as the last one."""
        if self.lockstep is None:
            self.destroy_timer(self._watch)
        values = tuple(self.config.element("safe", i) for i in range(self.config.size))
        self._send(Decision(values, safe=True, reason=LAST_WORD), self._newest_stamp)
        return super().on_deactivate(state)

    def on_message(self, name: str, message: Message) -> None:
        """Take a raw command or a stop."""
        if name == "stop":
            if message.data:
                self.gate.stop("by topic 'stop'")
                self._on_check()
            return
        received = time.monotonic_ns()
        stamp = stamp_of(message)
        # Another source of less importance, or an earlier stamp, may come late.
        self._newest_stamp = max(self._newest_stamp, stamp)
        age = 0 if self.lockstep else self.get_clock().now().nanoseconds - stamp
        decision = self.gate.accept(name, command_values(message), age, received)
        self._send(decision, stamp, received)

    def config_changed(self) -> None:
        """New limits hold from the next command on."""
        self.gate.config = self.config

    def _on_check(self) -> None:
        decision = self.gate.decide(time.monotonic_ns())
        if decision.safe:
            self._send(decision, self.get_clock().now().nanoseconds)

    def _send(self, decision: Decision, stamp_ns: int, received: int = 0) -> None:
        waits = not (self._has_passed or self.gate.stopped)
        self._has_passed = self._has_passed or not decision.safe
        if decision.safe and waits and decision.reason != LAST_WORD:
            # Before the first command that passes, there is nothing that fails.
            self.diagnoser.report(Level.WARN, decision.reason)
        elif decision.reason == LAST_WORD:
            self.get_logger().info(f"safe command: {LAST_WORD}")
        elif decision.safe:
            self.safe_commands += 1
            self.diagnoser.values["safe_commands"] = str(self.safe_commands)
            self.diagnoser.report(Level.ERROR, f"safe command: {decision.reason}")
        elif decision.reason:
            self.diagnoser.report(Level.WARN, decision.reason)
        # On the robot a command carries the time of publishing, in lockstep its measurement's.
        stamp = stamp_ns if self.lockstep else self.get_clock().now().nanoseconds
        if self.output == "cmd_vel" and not self.config.stamped:
            self.emit("cmd_vel", twist_of(decision.values))
            return
        message = message_class(topic(self.output).type)()
        if self.output == "cmd_vel":
            message.twist = twist_of(decision.values)
        else:
            message.normalized = array("d", decision.values)
        self.publish(self.output, message, stamp)
        if received:
            self.diagnoser.trace(self.output, stamp_ns, received)

    def _on_stop(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if request.data:
            self.gate.stop("by service")
            if self._is_active():
                self._on_check()
        else:
            self.gate.release()
        response.success = True
        response.message = "stopped" if request.data else "released"
        return response

    def _message_type(self, name: str) -> type[Message]:
        if name == "cmd_vel" and not self.config.stamped:
            return Twist  # type: ignore[no-any-return]
        return super()._message_type(name)

    def _entry(self, name: str) -> Topic:
        # A source may have a name of the user's, which the table doesn't know.
        return topic(f"{self.output}_raw" if name in self.sources else name)


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(GateNode, args)
