"""What the nodes that work on events have in common: every packet is used, in order, once.

On the wall clock each packet is worked on as it comes, late ones too (that is told, but events
would be lost otherwise). In lockstep all packets since the last answer are, so that a slow output
misses none of them.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any, NamedTuple

import numpy as np
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.events.array import Events, Triggers, joined, joined_triggers
from spikeloop.events.codecs import make_decoder
from spikeloop.events.encoder import EncodingError
from spikeloop.events.packet_encoder import PacketEncoder
from spikeloop.loop.health import Level
from spikeloop.nodes.event_packets import Announcements, PacketReader, PacketWriter
from spikeloop.nodes.messages import Message, stamp_of
from spikeloop.nodes.slot import InputError, SlotNode

TELL_S = 0.2


class Output(NamedTuple):
    """A message to publish, on which topic, with which stamp, ns."""

    topic: str
    message: Message
    stamp_ns: int


class EventNode(SlotNode):
    """A node fed by the EventPackets of the topic that `source_of` names."""

    others: tuple[str, ...] = ()
    """Further topics, given to `on_other`."""

    @classmethod
    def source_of(cls, config: Any) -> str:
        """The topic of events that a node with this config reads."""
        return "event_camera/events"

    @classmethod
    def others_of(cls, config: Any) -> tuple[str, ...]:
        """Further topics that a node with this config reads."""
        return ()

    @classmethod
    def wiring(cls, config: Any) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Topics that a node with this config publishes, reads, and joins."""
        source = cls.source_of(config)
        return cls.publishes, (source, *cls.others_of(config)), (source,)

    def __init__(self, **options: Any) -> None:
        """Begin with no one who announces packets."""
        super().__init__(**options)
        self._announcements: Announcements | None = None

    def wire(self) -> None:
        """Read the chosen topic, joined by stamps in lockstep only."""
        self.source, self.others = self.source_of(self.config), self.others_of(self.config)
        if self.lockstep is None:
            self.joins, self.subscribes = (), (self.source, *self.others)
        else:
            self.joins, self.subscribes = (self.source,), self.others

    def written(self, name: str, writer: PacketWriter) -> dict[str, str]:
        """What the diagnostics tell of a topic of packets that the node publishes."""
        return writer.values(self.resolve_topic_name(name))

    # --- what nodes override -------------------------------------------------------------------

    def feed(self, events: Events, triggers: Triggers, stamp_ns: int) -> list[Output]:
        """Work on the next events, and give what is to be published.

        Raises:
            ValueError: they can't be worked on; it is told, and in lockstep an empty output sent.

        """
        raise NotImplementedError

    def on_other(self, name: str, message: Message) -> None:
        """Take a message of one of `others`."""

    def stream_restarted(self) -> None:
        """The stream begins anew, time with it: forget what belongs to times."""

    def figures(self) -> dict[str, str]:
        """Figures for the diagnostics, beside those of the input."""
        return {}

    # --- lifecycle -----------------------------------------------------------------------------

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin with a new stream."""
        self.reader = PacketReader(self.source, self.diagnoser)
        self._waiting: dict[int, Message] = {}
        self._done_ns = -1
        self._tell_timer = self.create_timer(TELL_S, self._tell, clock=self._steady)
        self._warm_up()
        if self.lockstep is None:
            name = self.resolve_topic_name(self.source)
            self._announcements = Announcements(self, name, self.reader)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Tell the last figures."""
        if self._announcements is not None:
            self._announcements.close()
            self._announcements = None
        self.destroy_timer(self._tell_timer)
        self._tell()
        return super().on_deactivate(state)

    def _warm_up(self) -> None:
        """Load the compiled code now, for that takes longer than many packets."""
        if self.others:
            return
        once = np.zeros(1, np.uint16)
        events = Events(np.zeros(1, np.int64), once, once, once.astype(np.uint8), 8, 8)
        data = PacketEncoder(8, 8, "evt3").encode(events).data
        events, triggers = make_decoder("evt3", 8, 8).decode(data)
        self.reset()
        # A sensor so small may be none for the settings; then the code is loaded later.
        with contextlib.suppress(ValueError):
            self.feed(events, triggers, 1)

    def _tell(self) -> None:
        self.diagnoser.values |= self.reader.values() | self.figures()

    # --- inputs --------------------------------------------------------------------------------

    def on_message(self, name: str, message: Message) -> None:
        """Work on a packet as it comes."""
        if name != self.source:
            self.on_other(name, message)
            return
        received = time.monotonic_ns()
        piece = self._read(message)
        if piece is None:
            return
        try:
            outputs = self.feed(*piece, stamp_of(message))
        except (ValueError, EncodingError) as error:
            self.diagnoser.report(Level.ERROR, f"{self.source}: {error}")
            return
        for topic, out, stamp_ns in outputs:
            self.publish(topic, out, stamp_ns, received)

    def _read(self, message: Message) -> tuple[Events, Triggers] | None:
        restarts = self.reader.restarts
        piece = self.reader.read(message)
        if self.reader.restarts > restarts:
            self.stream_restarted()
        return piece

    def _join_by_stamp(self, name: str, stamp_ns: int, message: Message, received: int) -> None:
        if name == self.source and stamp_ns > self._done_ns:
            self._waiting[stamp_ns] = message
        super()._join_by_stamp(name, stamp_ns, message, received)

    def answer(self, stamp_ns: int, inputs: dict[str, Message]) -> dict[str, Message]:
        """In lockstep: work on all packets up to a stamp."""
        due = sorted(stamp for stamp in self._waiting if stamp <= stamp_ns)
        pieces = [self._read(self._waiting.pop(stamp)) for stamp in due]
        self._done_ns = stamp_ns
        read = [piece for piece in pieces if piece is not None]
        sizes = {(events.width, events.height) for events, _ in read}
        if len(sizes) != 1:
            raise InputError(f"{self.source}: {'no packet' if not read else 'packets of one size'}")
        events = joined([events for events, _ in read])
        triggers = joined_triggers([triggers for _, triggers in read])
        try:
            outputs = self.feed(events, triggers, stamp_ns)
        except (ValueError, EncodingError) as error:
            raise InputError(f"{self.source}: {error}") from error
        return {topic: message for topic, message, _ in outputs}
