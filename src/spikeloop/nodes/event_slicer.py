"""Cuts events into slices (slot `slicer`): by time, by number, or by how full an area is.

One packet a slice, which can be read by itself; every event is in exactly one. Its stamp is the end
of the slice: the sensor's time, put on the clock of the stamps by the packet that completed it. In
lockstep a slice is what came since the last due stamp, so only slices of whole ticks stand in the
loop.
"""

from __future__ import annotations

from dataclasses import dataclass

from event_camera_msgs.msg import EventPacket
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.events.array import Events, Triggers, joined_triggers
from spikeloop.events.slicing.by_area import ByArea
from spikeloop.events.slicing.by_count import ByCount
from spikeloop.events.slicing.by_time import ByTime
from spikeloop.events.slicing.slicer import Slice, Slicer
from spikeloop.loop.health import Level
from spikeloop.nodes.event_node import EventNode, Output
from spikeloop.nodes.event_packets import PacketWriter
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.parameters import parameter

SLICES = "event_camera/slices"
EXACT_US = 1e-6
"""How far a period may be from whole microseconds, us, for floats are never exact."""


@dataclass(frozen=True)
class EventSlicerConfig:
    """Where slices end."""

    method: str = parameter(
        "time",
        "What ends a slice: time, count, or area (events in one area of the sensor).",
        choices=("time", "count", "area"),
        fixed=True,
    )
    period: float = parameter(
        0.02, "Length of a slice of time; whole ticks in lockstep.", unit="s", low=1e-4, high=4.0,
        fixed=True,
    )  # fmt: skip
    count: int = parameter(
        10_000, "Events of a slice, or of an area that fills one.", low=1, high=100_000_000,
        fixed=True,
    )  # fmt: skip
    area: int = parameter(
        32, "Columns and rows of an area.", unit="pixels", low=1, high=32768, fixed=True
    )
    source: str = parameter(
        "events",
        "Which events: events as the camera gives them, or filtered.",
        choices=("events", "filtered"),
        fixed=True,
    )
    encoding: str = parameter(
        "",
        "Encoding: evt3 or mono; empty for evt3 where the input is of an EVT kind, else mono.",
        choices=("", "evt3", "mono"),
        fixed=True,
    )

    def __post_init__(self) -> None:
        """Refuse lengths that the sensor's clock can't have."""
        if abs(1e6 * self.period - round(1e6 * self.period)) > EXACT_US:
            raise ValueError(f"parameter 'period' must be whole microseconds, not {self.period} s")


class EventSlicerNode(EventNode):
    """Slices out, as they are complete."""

    slot = "slicer"
    text = "Cuts events into slices by time, count or area."
    config_type = EventSlicerConfig
    publishes = (SLICES,)
    config: EventSlicerConfig

    @classmethod
    def source_of(cls, config: EventSlicerConfig) -> str:
        """The camera's events, or those of the filter."""
        return f"event_camera/{config.source}"

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Refuse to stand in lockstep without slices of whole ticks."""
        if self.lockstep is not None:
            ticks = 1e9 * self.config.period / self.lockstep.tick_ns
            if self.config.method != "time" or round(ticks) != self.lockstep.timing.period:
                due = self.lockstep.timing.period * self.lockstep.tick_ns / 1e9
                self.diagnoser.report(
                    Level.ERROR,
                    f"in lockstep a slicer must cut by time each {due:g} s, not by "
                    f"{self.config.method} with a period of {self.config.period:g} s",
                )
                return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def reset(self) -> None:
        """A new stream, from no event on."""
        self._slicer: Slicer | None = None
        self._size = (0, 0)
        self._triggers = Triggers.none()
        self._writer = PacketWriter(self.diagnoser, self.config.encoding)
        self.slices = 0
        self._newest_us: int | None = None
        self._offset_ns = self._last_stamp_ns = 0

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give the slice that isn't complete too, so that no event is missing."""
        if self.lockstep is None:
            self._publish_rest()
        return super().on_deactivate(state)

    def stream_restarted(self) -> None:
        """Give what is left of the old stream, then begin anew."""
        if self.lockstep is None:
            self._publish_rest()
        self._writer.restart()
        self._newest_us = None

    def feed(self, events: Events, triggers: Triggers, stamp_ns: int) -> list[Output]:
        """The slices that a packet completes."""
        if self.lockstep is not None:
            self.slices += 1
            return [Output(SLICES, self._message(events, triggers), stamp_ns)]
        rest: list[Output] = []
        if self._slicer is None or self._size != (events.width, events.height):
            rest = self._outputs(self._slicer.finish()) if self._slicer else []
            self._size = (events.width, events.height)
            self._slicer = self._make(*self._size)
        if len(triggers):
            self._triggers = joined_triggers([self._triggers, triggers])
        try:
            return rest + self._outputs(self._cut(events, stamp_ns))
        except ValueError as error:
            # The clock jumped: what waited belongs to the time before.
            self.diagnoser.report(Level.ERROR, f"{self.source}: {error}; the slices begin anew")
            rest += self._outputs(self._slicer.finish())
            self._slicer.reset()
            return rest + self._outputs(self._slicer.feed(events))

    def _cut(self, events: Events, stamp_ns: int) -> list[Slice]:
        assert self._slicer is not None
        if len(events):
            self._newest_us = int(events.t[-1])
            self._offset_ns = stamp_ns - 1000 * self._newest_us
            return self._slicer.feed(events)
        if self._newest_us is None or not isinstance(self._slicer, ByTime):
            return []
        # A quiet camera's slices end too: by the stamps, one slice late for events on their way.
        now = (stamp_ns - self._offset_ns) // 1000 - self._slicer.length_us
        return self._slicer.advance(now)

    def _outputs(self, slices: list[Slice]) -> list[Output]:
        outputs = []
        for each in slices:
            # Stamps rise, whatever the packets' own do.
            stamp = max(1000 * each.end + self._offset_ns, self._last_stamp_ns + 1)
            self._last_stamp_ns = stamp
            outputs.append(Output(SLICES, self._message(each.events, self._until(each.end)), stamp))
        self.slices += len(slices)
        return outputs

    def _message(self, events: Events, triggers: Triggers) -> EventPacket:
        return self._writer.write(events, triggers, self.reader.frame_id, self.reader.encoding)

    def _until(self, end: int) -> Triggers:
        """The triggers before a time, which wait no longer."""
        if not len(self._triggers):
            return self._triggers
        held, before = self._triggers, self._triggers.t < end
        self._triggers = Triggers(held.t[~before], held.channel[~before], held.value[~before])
        return Triggers(held.t[before], held.channel[before], held.value[before])

    def _publish_rest(self) -> None:
        if self._slicer is None:
            return
        for name, message, stamp_ns in self._outputs(self._slicer.finish()):
            self.publish(name, message, stamp_ns)

    def _make(self, width: int, height: int) -> Slicer:
        if self.config.method == "time":
            return ByTime(round(1e6 * self.config.period))
        if self.config.method == "count":
            return ByCount(self.config.count)
        return ByArea(width, height, area=self.config.area, count=self.config.count)

    def empty(self, name: str) -> Message:
        """A slice without events."""
        width, height = self.reader.size if all(self.reader.size) else (1, 1)
        return EventPacket(width=width, height=height, encoding="mono")

    def figures(self) -> dict[str, str]:
        """How many slices, and events that came after theirs."""
        told = {"slices": str(self.slices)} | self.written(SLICES, self._writer)
        if isinstance(self._slicer, ByTime):
            told["late events"] = str(self._slicer.late)
        return told


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(EventSlicerNode, args)
