"""Plays an event file of any format by the sensor's time; of AEDAT4 frames, IMU and triggers too.

All topics are on one clock, all values in SI units. A bag is better played packet by packet, as it
was recorded: by `event_player`, or with all its topics by `bag_player`.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import Image, Imu

from spikeloop.events.array import Events, Triggers
from spikeloop.events.encoder import EncodingError
from spikeloop.events.files.aedat4 import Aedat4Source, Frame, Inertial
from spikeloop.events.files.opening import open_source
from spikeloop.events.files.source import Source
from spikeloop.events.packet_encoder import ENCODINGS, PacketEncoder
from spikeloop.loop.health import Level
from spikeloop.nodes.event_packets import PacketWriter, bytes_of, triggers_message
from spikeloop.nodes.playing import PlayerNode, Timed
from spikeloop.nodes.running import run_node
from spikeloop.parameters import parameter

EVENTS, TRIGGERS, IMAGE, IMU = (
    "event_camera/events",
    "event_camera/triggers",
    "camera/image_raw",
    "imu/data",
)
EPOCH_US = 1 << 24
"""Times beyond what EVT3 holds go out as `mono`, which keeps them whole."""
CHANNELS = {1: "mono", 3: "bgr", 4: "bgra"}
Item = Events | Triggers | Frame | Inertial


@dataclass(frozen=True)
class EventFilePlayerConfig:
    """What is played, and how fast."""

    file: str = parameter(
        "", "File: RAW, DAT, AEDAT4, AEDAT2, HDF5, NPZ, text, or a bag.", fixed=True
    )
    topic: str = parameter("", "Topic of a bag; empty for the only one of events.", fixed=True)
    width: int = parameter(
        0, "Columns of the sensor, where the file doesn't say.", low=0, high=32768, fixed=True
    )
    height: int = parameter(
        0, "Rows of the sensor, where the file doesn't say.", low=0, high=32768, fixed=True
    )
    packet: float = parameter(
        0.004, "Time that a packet spans at most.", unit="s", low=1e-4, high=1.0, fixed=True
    )
    rate: float = parameter(
        1.0, "How many times as fast as recorded.", low=0.001, high=1000.0, fixed=True
    )
    loop: bool = parameter(False, "Begin again at the end.", fixed=True)
    readers: int = parameter(
        0, "Wait for so many subscribers, of all topics together.", low=0, high=100, fixed=True
    )
    now: bool = parameter(
        True, "Stamp with the time of playing; false keeps the file's clock.", fixed=True
    )
    frame_id: str = parameter("event_camera", "Frame of the camera.", fixed=True)


class EventFilePlayerNode(PlayerNode):
    """Events in packets, and what else the file holds, each at its time."""

    slot = "event_camera"
    text = "Plays event files of any format by sensor time, with frames, IMU and triggers."
    config_type = EventFilePlayerConfig
    publishes = (EVENTS, TRIGGERS, IMAGE, IMU)
    config: EventFilePlayerConfig

    def open_file(self) -> None:
        """Look at the file, and load compiled code, for that takes longer than many packets."""
        c = self.config
        self.source: Source = open_source(
            Path(c.file), topic=c.topic, width=c.width, height=c.height
        )
        for _ in itertools.islice(self.source.pieces(), 1):
            for encoding in ENCODINGS:
                PacketEncoder(8, 8, encoding).encode(Events.none(8, 8))

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Play from the start, in packets that count from 1."""
        self._writer = PacketWriter(self.diagnoser)
        self.left_out = 0
        return super().on_activate(state)

    # --- reading -------------------------------------------------------------------------------

    def items(self) -> Iterator[Timed[Item]]:
        """Everything in the file by time; each kind is read on its own, so little is in memory."""
        self._writer.restart()
        streams: list[Iterator[Timed[Item]]] = [self._pieces()]
        if isinstance(self.source, Aedat4Source):
            streams.append((1000 * frame.t, frame) for frame in self.source.frames())
            streams.append(_samples(self.source))
        yield from heapq.merge(*streams, key=lambda timed: timed[0])

    def _pieces(self) -> Iterator[Timed[Item]]:
        """Packets of events, and triggers, each at the time of its last one."""
        length = round(1e6 * self.config.packet)
        for events, triggers in self.source.pieces():
            if len(triggers):
                yield 1000 * int(triggers.t[-1]), triggers
            if not len(events):
                continue
            windows = events.t // length
            edges = [0, *(np.flatnonzero(np.diff(windows)) + 1).tolist(), len(events)]
            for begin, end in itertools.pairwise(edges):
                yield 1000 * int(events.t[end - 1]), events[begin:end]
        self._tell_left_out()

    def _tell_left_out(self) -> None:
        for reason, count in self.source.counts.items():
            if count:
                self.diagnoser.report(Level.WARN, f"{self.source.path}: {reason}: {count}")
                self.diagnoser.values[reason] = str(count)

    # --- giving out ----------------------------------------------------------------------------

    def give(self, item: Item, stamp_ns: int) -> None:
        """Publish what an item is."""
        frame_id = self.config.frame_id
        if isinstance(item, Events):
            self._give_events(item, stamp_ns)
        elif isinstance(item, Triggers):
            self.publish(TRIGGERS, triggers_message(item, frame_id), stamp_ns)
        elif isinstance(item, Frame):
            self.publish(IMAGE, _image(item, frame_id), stamp_ns)
        else:
            self.publish(IMU, imu_message(item.acceleration[0], item.rate[0], frame_id), stamp_ns)
        topic = self._publishers_by_topic[EVENTS].topic_name
        self.diagnoser.values |= self._writer.values(topic)

    def _give_events(self, events: Events, stamp_ns: int) -> None:
        """Publish a packet, or tell why none can hold these events."""
        kind = "evt3" if int(events.t[-1]) < EPOCH_US else "mono"
        try:
            packet = self._writer.write(events, Triggers.none(), self.config.frame_id, kind)
        except EncodingError as error:
            self.left_out += len(events)
            self.diagnoser.values["events left out"] = str(self.left_out)
            self.diagnoser.report(
                Level.ERROR, f"{self.source.path}: {self.left_out} events left out: {error}"
            )
            return
        self.publish(EVENTS, packet, stamp_ns)


def _samples(source: Aedat4Source) -> Iterator[Timed[Item]]:
    """The inertial samples, each by itself."""
    for many in source.inertial():
        for k, t in enumerate(many.t.tolist()):
            one = slice(k, k + 1)
            yield (
                1000 * t,
                Inertial(
                    many.t[one], many.acceleration[one], many.rate[one], many.temperature[one]
                ),
            )


def _image(frame: Frame, frame_id: str) -> Image:
    pixels = np.ascontiguousarray(frame.pixels)
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    encoding = f"{CHANNELS.get(channels, f'{channels}C')}{8 * pixels.dtype.itemsize}"
    if channels == 2:
        encoding = f"{8 * pixels.dtype.itemsize}UC2"
    image = Image(
        height=height,
        width=width,
        encoding=encoding,
        step=width * channels * pixels.dtype.itemsize,
        data=bytes_of(pixels.reshape(-1).view(np.uint8)),
    )
    image.header.frame_id = frame_id
    return image


def imu_message(acceleration: NDArray[np.float64], rate: NDArray[np.float64], frame_id: str) -> Imu:
    """A sample in m/s^2 and rad/s as a message without stamp; its orientation isn't known."""
    message = Imu()
    force, turn = message.linear_acceleration, message.angular_velocity
    force.x, force.y, force.z = (float(v) for v in acceleration)
    turn.x, turn.y, turn.z = (float(v) for v in rate)
    message.orientation_covariance[0] = -1.0
    message.header.frame_id = frame_id
    return message


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(EventFilePlayerNode, args)
