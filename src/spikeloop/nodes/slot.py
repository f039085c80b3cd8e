"""Base class of all nodes: a lifecycle node that keeps the contract of its slot.

A node says what it is (slot, topics, config) and answers inputs; parameters, lifecycle, lockstep,
health, diagnostics and latency traces are done here, once.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, ClassVar

from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from spikeloop.loop.health import HealthLimits, InputHealth, Level
from spikeloop.loop.lockstep import Lockstep, StampJoin
from spikeloop.loop.slots import OF_EVERY_NODE, Topic, slot, topic
from spikeloop.nodes.declaring import declare, watch
from spikeloop.nodes.diagnosing import Diagnoser
from spikeloop.nodes.guarding import GuardedNode
from spikeloop.nodes.lifecycle import LifecycleServices
from spikeloop.nodes.messages import (
    Message,
    is_finite,
    message_class,
    numbers_of,
    qos_profile,
    stamp_of,
    to_time,
    type_name,
)
from spikeloop.nodes.slot_config import SlotConfig
from spikeloop.parameters import ParameterError

SUCCESS = TransitionCallbackReturn.SUCCESS
GATING_S = 0.01


class InputError(ValueError):
    """An input that can't be answered: the node gives its empty output and says why."""


class SlotNode(GuardedNode):
    """A node in a slot.

    Class facts, set by each node:
        slot: name of its slot.
        text: one sentence on what it does.
        config_type: frozen dataclass of its parameters.
        publishes: topics that it publishes.
        joins: inputs that together oblige an answer, the one that sets the pace first.
        subscribes: other inputs, each given to `on_message` as it comes.
    """

    slot: ClassVar[str]
    text: ClassVar[str]
    config_type: ClassVar[type[Any]]
    publishes: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    subscribes: tuple[str, ...] = ()

    @classmethod
    def wiring(cls, config: Any) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Topics that a node with this config publishes, reads, and joins."""
        return cls.publishes, (*cls.joins, *cls.subscribes), cls.joins

    def __init__(self, **options: Any) -> None:
        """Declare the parameters; all else waits for `on_configure`.

        Raises:
            ParameterError: a parameter is unknown or bad.

        """
        module = type(self).__module__.rsplit(".", 1)[-1]
        super().__init__(module, enable_communication_interface=False, **options)
        self.exit_code: int | None = None
        common, config = declare(self, SlotConfig, self.config_type)
        self.common: SlotConfig = common
        self.config: Any = config
        self.lockstep = Lockstep.from_json(common.lockstep) if common.lockstep else None
        self.lifecycle = LifecycleServices(self)
        self.diagnoser = Diagnoser(self, slot(self.slot))
        self.health: dict[str, InputHealth] = {}
        self._join: StampJoin[Message] | None = None
        self._held: dict[str, Message] = {}
        self._last_answer: dict[str, Message] = {}
        self._last_period = -1
        self._publishers_by_topic: dict[str, Publisher] = {}
        self.sent: Counter[str] = Counter()
        self._subscriptions_by_topic: dict[str, Subscription] = {}
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._gating: Any = None
        self.wire()
        watch(self, lambda: self.config, lambda: self.lifecycle.state, self._apply)

    # --- what nodes override -------------------------------------------------------------------

    def wire(self) -> None:
        """Take from the config what is fixed by it, such as topics; it may change until configured.

        Raises:
            ParameterError: the config is bad in a way that only shows here.

        """

    def answer(self, stamp_ns: int, inputs: dict[str, Message]) -> dict[str, Message]:
        """Answer the joined inputs of one stamp: the outputs by topic, without stamps.

        Args:
            stamp_ns: stamp of the newest input.
            inputs: the newest message of each joined topic; one that never came is absent.

        Raises:
            InputError: the inputs are unusable; the node's empty outputs are sent instead.

        """
        raise NotImplementedError(f"{type(self).__name__} joins inputs, so it must answer them")

    def on_message(self, name: str, message: Message) -> None:
        """Take a message of one of `subscribes`."""

    def empty(self, name: str) -> Message:
        """The output that says "nothing": here a message with its stamp only."""
        return message_class(topic(name).type)()

    def reset(self) -> None:
        """Forget all state, as after `on_configure`."""

    def config_changed(self) -> None:
        """Take over `self.config`, which was set since the node was configured."""

    # --- lifecycle -----------------------------------------------------------------------------

    def start(self) -> None:
        """Configure and activate, unless an outside manager is to do it."""
        if not self.common.autostart or not self.lifecycle.change("configure"):
            if self.common.autostart:
                self.exit_code = 1
            return
        if not self.lifecycle.change("activate"):
            self.exit_code = 1

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Create the publishers; a node loads its model before it calls this."""
        for name in self.publishes:
            self._publishers_by_topic[name] = self.create_publisher(
                self._message_type(name), name, self._topic_qos(name)
            )
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe to the inputs, in lockstep once the outputs have all their readers."""
        self.reset()
        self._held.clear()
        self._last_answer.clear()
        self._last_period = -1
        if self.lockstep is None:
            self._subscribe()
        else:
            self._join = StampJoin(self.lockstep)
            self._gating = self.create_timer(GATING_S, self._subscribe_if_read, clock=self._steady)
        return SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop listening; outputs stay announced."""
        self._stop_gating()
        for subscription in self._subscriptions_by_topic.values():
            self.destroy_subscription(subscription)
        self._subscriptions_by_topic.clear()
        return SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take services and publishers back."""
        self.withdraw()
        for publisher in self._publishers_by_topic.values():
            self.destroy_publisher(publisher)
        self._publishers_by_topic.clear()
        self.health.clear()
        self.diagnoser.values.clear()
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take back what the transitions so far have made, and no more than that."""
        if state.label == "unconfigured":
            return SUCCESS
        if state.label == "active":
            self.on_deactivate(state)
        return self.on_cleanup(state)

    def end(self) -> None:
        """Leave in good order before the process ends: a last word, then nothing more."""
        if self.lifecycle.state == "active":
            self.lifecycle.change("deactivate")
        self.diagnoser.flush()

    def fail(self, reason: str) -> None:
        """Tell a fault that can't be mended here, and end the process with exit code 1."""
        self.diagnoser.report(Level.ERROR, reason)
        self.diagnoser.flush()
        self.exit_code = 1

    # --- inputs --------------------------------------------------------------------------------

    def _subscribe_if_read(self) -> None:
        assert self.lockstep is not None
        for name, count in self.lockstep.readers.items():
            if self._publishers_by_topic[name].get_subscription_count() < count:
                return
        self._stop_gating()
        self._subscribe()

    def _stop_gating(self) -> None:
        if self._gating is not None:
            self.destroy_timer(self._gating)
            self._gating = None

    def _subscribe(self) -> None:
        for name in (*self.joins, *self.subscribes):
            joined = name in self.joins
            # Time may have begun anew, so what was heard before doesn't count; but its sender, who
            # has counted on, is compared with what has come in all.
            before, self.health[name] = self.health.get(name), InputHealth(name, self._limits(name))
            self.health[name].received = before.received if before else 0
            self._subscriptions_by_topic[name] = self.create_subscription(
                self._message_type(name),
                name,
                self._on_joined(name) if joined else self._on_other(name),
                self._topic_qos(name),
            )

    def _on_joined(self, name: str) -> Any:
        def take(message: Message) -> None:
            received = time.monotonic_ns()
            stamp_ns = stamp_of(message)
            self._judge(name, stamp_ns, message, received)
            if self.lockstep is not None:
                self._join_by_stamp(name, stamp_ns, message, received)
                return
            self._held[name] = message
            if name == self.joins[0] and self._is_due(stamp_ns):
                self._respond(stamp_ns, dict(self._held), received)

        return take

    def _on_other(self, name: str) -> Any:
        def take(message: Message) -> None:
            self._judge(name, stamp_of(message), message, time.monotonic_ns())
            self.on_message(name, message)

        return take

    def _join_by_stamp(self, name: str, stamp_ns: int, message: Message, received: int) -> None:
        assert self._join is not None and self.lockstep is not None
        if self._join.is_repeat(name, stamp_ns):
            for output, earlier in self._last_answer.items():
                self.emit(output, earlier)
            return
        self._join.add(name, stamp_ns, message)
        while (ready := self._join.ready()) is not None:
            tick, inputs = ready
            self._respond(self.lockstep.stamp(tick), inputs, received)
            self._join.answered(tick)

    def _is_due(self, stamp_ns: int) -> bool:
        """Whether this is the first message of a period, so that a fast input paces a slow node."""
        seconds = getattr(self.config, "period", 0.0)
        if seconds == 0.0:
            return True
        period = stamp_ns // round(seconds * 1e9)
        first = period != self._last_period
        self._last_period = period
        return first

    def judged_at(self, stamp_ns: int) -> int:
        """Time, ns, against which a stamp is old: in lockstep every stamp is of its own time."""
        return stamp_ns if self.lockstep else int(self.get_clock().now().nanoseconds)

    def _judge(self, name: str, stamp_ns: int, message: Message, received: int) -> None:
        numbers = numbers_of(message)
        now_ns = self.judged_at(stamp_ns)
        content = numbers if self._entry(name).varies else None
        fault = self.health[name].update(stamp_ns, received, now_ns, is_finite(numbers), content)
        if fault:
            self.diagnoser.report(Level.ERROR, fault)

    # --- outputs -------------------------------------------------------------------------------

    def _respond(self, stamp_ns: int, inputs: dict[str, Message], received: int) -> None:
        try:
            for name in inputs:
                level, text = self.health[name].status(received)
                if level is Level.ERROR:
                    raise InputError(text)
            outputs = self.answer(stamp_ns, inputs)
        except InputError as error:
            self.diagnoser.report(Level.ERROR, str(error))
            outputs = {
                name: self.empty(name) for name in slot(self.slot).due if name in self.publishes
            }
        for name, message in outputs.items():
            traced = name not in OF_EVERY_NODE
            self.publish(name, message, stamp_ns, received if traced else 0)
        self._last_answer = outputs

    def publish(self, name: str, message: Message, stamp_ns: int, received: int = 0) -> None:
        """Publish an output with the stamp of the measurement behind it, and trace its latency."""
        message.header.stamp = to_time(stamp_ns)
        self.emit(name, message)
        if received:
            self.diagnoser.trace(name, stamp_ns, received)

    def emit(self, name: str, message: Message) -> None:
        """Publish a message as it is, and count it."""
        self._publishers_by_topic[name].publish(message)
        self.sent[name] += 1

    # --- small print ---------------------------------------------------------------------------

    def _entry(self, name: str) -> Topic:
        """Entry of the slot table; a node whose topics have names of the user's maps them."""
        return topic(name)

    def type_of(self, name: str) -> str:
        """ROS type of one of the node's topics."""
        return type_name(self._message_type(name))

    def _message_type(self, name: str) -> type[Message]:
        return message_class(self._entry(name).type)

    def _topic_qos(self, name: str) -> QoSProfile:
        usual = self._entry(name).qos
        return qos_profile(usual if self.lockstep is None else self.lockstep.qos(usual))

    def _limits(self, name: str) -> HealthLimits:
        common, entry = self.common, self._entry(name)
        if self.lockstep is not None:
            return HealthLimits(frozen_after_s=common.frozen_after)
        return HealthLimits(entry.max_period_s, common.frozen_after, common.fresh_within)

    def _is_active(self) -> bool:
        return self.lifecycle.state == "active"

    def _apply(self, config: Any) -> None:
        before, self.config = self.config, config
        if self.lifecycle.state != "unconfigured":
            self.config_changed()
            return
        try:
            self.wire()
        except ParameterError:
            self.config = before
            self.wire()
            raise
