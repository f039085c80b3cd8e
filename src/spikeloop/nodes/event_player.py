"""Plays a recording of an event camera (slot `event_camera`): packet by packet, as recorded."""

from __future__ import annotations

import time
from array import array
from dataclasses import dataclass
from pathlib import Path

from event_camera_msgs.msg import EventPacket
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from std_srvs.srv import SetBool

from spikeloop.events.playback import Playback
from spikeloop.events.recording import Packet, Recording, RecordingError
from spikeloop.loop.health import Level
from spikeloop.nodes.messages import to_time
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import SlotNode
from spikeloop.parameters import parameter

CHECK_S = 0.002
TOPIC = "event_camera/events"


@dataclass(frozen=True)
class EventPlayerConfig:
    """What is played, and how fast."""

    file: str = parameter("", "Recording: a rosbag2 folder.", fixed=True)
    topic: str = parameter("", "Topic in it; empty for the only one of events.", fixed=True)
    rate: float = parameter(
        1.0, "How many times as fast as recorded.", low=0.001, high=1000.0, fixed=True
    )
    loop: bool = parameter(False, "Begin again at the end.", fixed=True)
    readers: int = parameter(
        0, "Wait for so many subscribers before the first packet.", low=0, high=100, fixed=True
    )
    now: bool = parameter(
        True, "Stamp headers with the time of playing; false keeps the recorded stamps.", fixed=True
    )


class EventPlayerNode(SlotNode):
    """One EventPacket out for each recorded, at its time; events keep the sensor's time."""

    slot = "event_camera"
    text = "Plays a recording at its pace, with rate, loop and pause."
    config_type = EventPlayerConfig
    publishes = (TOPIC,)
    config: EventPlayerConfig

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the recording and offer `~/pause` (data: true pauses, false goes on)."""
        try:
            if not self.config.file:
                raise RecordingError("parameter 'file' names no recording")
            self.recording = Recording(Path(self.config.file), self.config.topic)
        except RecordingError as error:
            self.diagnoser.report(Level.ERROR, str(error))
            return TransitionCallbackReturn.FAILURE
        self.create_service(SetBool, "~/pause", self._on_pause)
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Play from the start."""
        self.playback = Playback(self.config.rate)
        self.played = 0
        self._packets = self.recording.packets()
        self._next: Packet | None = None
        self._started = False
        self._timer = self.create_timer(CHECK_S, self._on_timer, clock=self._steady)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop playing."""
        self.destroy_timer(self._timer)
        return super().on_deactivate(state)

    def _on_timer(self) -> None:
        publisher = self._publishers_by_topic[TOPIC]
        if not self._started:
            if publisher.get_subscription_count() < self.config.readers or not self._advance():
                return
            self._started = True
        now = time.monotonic()
        while self._next is not None and self.playback.is_due(self._next.received_ns, now):
            self.emit(TOPIC, self._message(self._next))
            self.played += 1
            self.diagnoser.values["packets"] = str(self.played)
            self._next = self._read()
            if self._next is None:
                self._on_end()

    def _advance(self) -> bool:
        """Take the first packet, which begins the recording's time."""
        self._next = self._read()
        if self._next is None:
            self._on_end()
            return False
        self.playback.start(self._next.received_ns, time.monotonic())
        return True

    def _read(self) -> Packet | None:
        try:
            return next(self._packets, None)
        except RecordingError as error:
            self.diagnoser.report(Level.ERROR, str(error))
            return None

    def _on_end(self) -> None:
        self.get_logger().info(f"played {self.played} packets of {self.recording.path}")
        if self.config.loop and self.played:
            self._packets = self.recording.packets()
            self._next = self._read()
            # A recording that can't be read again has ended for good; the fault is told already.
            if self._next is not None:
                self.playback.start(self._next.received_ns, time.monotonic())

    def _message(self, packet: Packet) -> EventPacket:
        message = EventPacket(
            height=packet.height,
            width=packet.width,
            seq=packet.seq,
            time_base=packet.time_base,
            encoding=packet.encoding,
            is_bigendian=packet.is_bigendian,
            events=array("B", packet.data),
        )
        stamp = self.get_clock().now().nanoseconds if self.config.now else packet.stamp_ns
        message.header.stamp = to_time(stamp)
        message.header.frame_id = packet.frame_id
        return message

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if request.data:
            self.playback.pause(time.monotonic())
        else:
            self.playback.resume(time.monotonic())
        response.success = True
        response.message = "paused" if request.data else "playing"
        return response


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(EventPlayerNode, args)
