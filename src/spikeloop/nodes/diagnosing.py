"""What a node tells of itself: `/diagnostics` twice a second, warnings, and latency traces."""

from __future__ import annotations

import time
from array import array
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType

from spikeloop.loop.accounting import READERS, RECEIVED, SENT, WRITERS
from spikeloop.loop.health import Level
from spikeloop.loop.slots import Slot, topic
from spikeloop.msg import StageTrace
from spikeloop.nodes.graph import Endpoint, find_mismatches, similar_published
from spikeloop.nodes.messages import qos_profile

if TYPE_CHECKING:
    from spikeloop.nodes.slot import SlotNode

PERIOD_S = 0.5
TRACE_LIMIT = 2000


class Diagnoser:
    """Collects what goes wrong in a node and tells it, each new fault at once in the log."""

    def __init__(self, node: SlotNode, of_slot: Slot) -> None:
        """Announce the two topics and begin to report."""
        self._node = node
        self._slot = of_slot
        self._level = Level.OK
        self._text = ""
        self._counts: dict[str, int] = {}
        self._warned: set[str] = set()
        self._flushed_at = 0.0
        self._traces: dict[str, StageTrace] = {}
        self.values: dict[str, str] = {}
        self._diagnostics = node.create_publisher(
            DiagnosticArray, "/diagnostics", qos_profile(topic("/diagnostics").qos)
        )
        self._trace = node.create_publisher(
            StageTrace, "loop/trace", qos_profile(topic("loop/trace").qos)
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(PERIOD_S, self._on_timer, clock=steady)

    def report(self, level: Level, text: str) -> None:
        """Note a fault; it stands in the next diagnostics, and in the log the first time."""
        kind = text.split("\n", 1)[0]
        # Numbers vary from one message to the next, the fault is the same.
        key = "".join(c for c in kind if not c.isdigit())
        self._counts[key] = self._counts.get(key, 0) + 1
        if level >= self._level:
            self._level, self._text = level, kind
        if key not in self._warned:
            self._warned.add(key)
            # rclpy ties the severity of a log call to its line, hence two lines.
            if level >= Level.ERROR:
                self._node.get_logger().error(text)
            else:
                self._node.get_logger().warning(text)

    def trace(self, name: str, stamp_ns: int, received_ns: int) -> None:
        """Note when the input of an output arrived; the output leaves now."""
        trace = self._traces.get(name)
        if trace is None:
            trace = StageTrace(
                node=self._node.get_fully_qualified_name(), slot=self._slot.name, topic=name
            )
            self._traces[name] = trace
        if len(trace.stamp) < TRACE_LIMIT:
            trace.stamp.append(stamp_ns)
            trace.received.append(received_ns)
            trace.published.append(time.monotonic_ns())

    def flush(self) -> None:
        """Tell at once what has gathered."""
        for trace in self._traces.values():
            if len(trace.stamp):
                self._trace.publish(trace)
                trace.stamp, trace.received, trace.published = array("q"), array("q"), array("q")
        self._publish()

    def _on_timer(self) -> None:
        # A timer that is late may come twice, and what it told first would be gone at once.
        if time.monotonic() - self._flushed_at < PERIOD_S / 2:
            return
        self._look_around()
        self.flush()
        self._flushed_at = time.monotonic()

    def _look_around(self) -> None:
        node = self._node
        if node.lifecycle.state != "active":
            return
        for text in find_mismatches(node, self._endpoints()):
            self.report(Level.ERROR, text)
        now = time.monotonic_ns()
        for name, health in node.health.items():
            if name not in node._subscriptions_by_topic:
                continue
            level, text = health.status(now)
            if level is not Level.OK:
                if not health.received and not node.count_publishers(name):
                    text = similar_published(node, name)
                self.report(level, text)

    def _endpoints(self) -> list[Endpoint]:
        node = self._node
        ends = []
        for names, writes in (
            (node._publishers_by_topic, True),
            (node._subscriptions_by_topic, False),
        ):
            for name, end in names.items():
                ends.append(Endpoint(name, node.type_of(name), end.qos_profile, writes))
        return ends

    def _publish(self) -> None:
        node = self._node
        now = time.monotonic_ns()
        values = {"slot": self._slot.name, "state": node.lifecycle.state} | self.values
        for name, health in node.health.items():
            values[f"input {name}"] = health.status(now)[1]
            values[RECEIVED + name] = str(health.received)
            if name in node._subscriptions_by_topic:
                writers = node._subscriptions_by_topic[name].get_publisher_count()
                values[WRITERS + name] = str(writers)
        values |= {SENT + name: str(count) for name, count in node.sent.items()}
        for name, publisher in node._publishers_by_topic.items():
            values[READERS + name] = str(publisher.get_subscription_count())
        values |= {f"count {text}": str(count) for text, count in self._counts.items()}
        status = DiagnosticStatus(
            level=bytes([self._level]),
            name=node.get_fully_qualified_name(),
            message=self._text or node.lifecycle.state,
            hardware_id=self._slot.name,
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = node.get_clock().now().to_msg()
        self._diagnostics.publish(message)
        if self._level is Level.OK:
            self._warned.clear()
        self._level, self._text = Level.OK, ""
