"""Decodes events and tells statistics and a picture at a set rate (slot `event_processing`)."""

from __future__ import annotations

import time
from array import array
from dataclasses import dataclass

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import Image

from spikeloop.events.picture import EventPicture
from spikeloop.events.statistics import EventStatistics
from spikeloop.msg import EventStatistics as StatisticsMessage
from spikeloop.nodes.event_packets import Announcements, PacketReader
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import SlotNode
from spikeloop.parameters import parameter

EVENTS, STATISTICS, PICTURE = (
    "event_camera/events",
    "event_camera/statistics",
    "event_camera/picture",
)


@dataclass(frozen=True)
class EventStatisticsConfig:
    """How often the node tells."""

    rate: float = parameter(
        10.0, "Pictures and statistics a second.", unit="Hz", low=0.1, high=200.0, fixed=True
    )


class EventStatisticsNode(SlotNode):
    """Counts what it decodes; a bad packet is told and counted, never silently left out."""

    slot = "event_processing"
    text = "Statistics and a picture of the events, at a set rate."
    config_type = EventStatisticsConfig
    publishes = (STATISTICS, PICTURE)
    subscribes = (EVENTS,)
    config: EventStatisticsConfig

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin with empty totals."""
        self.statistics = EventStatistics()
        self.reader = PacketReader(EVENTS, self.diagnoser)
        name = self.resolve_topic_name(EVENTS)
        self._announcements = Announcements(self, name, self.reader)
        self._picture: EventPicture | None = None
        self._picture_size = (0, 0)
        self._on_before = self._off_before = 0
        self._told_at = time.monotonic()
        self._timer = self.create_timer(1.0 / self.config.rate, self._on_timer, clock=self._steady)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Tell no more."""
        self._announcements.close()
        self.destroy_timer(self._timer)
        return super().on_deactivate(state)

    def on_message(self, name: str, message: Message) -> None:
        """Decode a packet."""
        piece = self.reader.read(message)
        if piece is None:
            return
        events, triggers = piece
        if self._picture is None or self._picture_size != (events.width, events.height):
            self._picture_size = (events.width, events.height)
            self._picture = EventPicture(*self._picture_size)
        self.statistics.add(events, triggers)
        self._picture.add(events)

    def _on_timer(self) -> None:
        now, stamp = time.monotonic(), self.get_clock().now().nanoseconds
        window = now - self._told_at
        # A timer that is late may come twice; the second call has nothing to tell.
        if window < 0.5 / self.config.rate:
            return
        self._told_at = now
        totals = self.statistics
        on, off = totals.on - self._on_before, totals.off - self._off_before
        self._on_before, self._off_before = totals.on, totals.off
        message = StatisticsMessage(
            window=window,
            rate=(on + off) / window,
            on=on,
            off=off,
            total_on=totals.on,
            total_off=totals.off,
            first_time=totals.first_time,
            last_time=totals.last_time,
            # The sum of times since the epoch is beyond the message's 64 bits.
            time_sum=totals.time_sum % (1 << 64),
            x_sum=totals.x_sum,
            y_sum=totals.y_sum,
            total_rising=totals.triggers_of(1),
            total_falling=totals.triggers_of(0),
            trigger_time_sum=totals.trigger_time_sum % (1 << 64),
            packets=totals.packets,
            lost_packets=self.reader.lost,
            skipped_words=sum(self.reader.left_out.values()),
        )
        message.header.frame_id = self.reader.frame_id
        self.diagnoser.values |= self.reader.values()
        self.publish(STATISTICS, message, stamp)
        if self._picture is not None:
            self.publish(PICTURE, self._image(self._picture), stamp)

    def _image(self, picture: EventPicture) -> Image:
        pixels = picture.take()
        height, width, _ = pixels.shape
        image = Image(
            height=height,
            width=width,
            encoding="rgb8",
            step=3 * width,
            data=array("B", pixels.tobytes()),
        )
        image.header.frame_id = self.reader.frame_id
        return image


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(EventStatisticsNode, args)
