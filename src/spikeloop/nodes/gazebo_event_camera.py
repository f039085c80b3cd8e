"""Makes events of the pictures of a camera in Gazebo (slot `event_camera`).

Gazebo has no event camera. Its ordinary one, on `event_camera/source` at a high rate, is put before
the pixels of our simulated event camera: thresholds with mismatch, bandwidth, refractory time, leak
and noise, read-out. Between two pictures each pixel's log intensity is taken to change linearly.
The pictures have 8 bits a channel, in which dark things have few steps.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import Image
from spikeloop_sim.event_camera.config import EventCameraConfig

from spikeloop.events.array import Triggers
from spikeloop.loop.health import Level
from spikeloop.nodes.event_packets import PacketWriter
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import InputError, SlotNode
from spikeloop.parameters import parameter

SOURCE, EVENTS = "event_camera/source", "event_camera/events"
_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])
_ENCODINGS: dict[str, tuple[type[Any], tuple[int, ...], int]] = {
    # Type of a channel, where red, green and blue are, and how many channels there are.
    "mono8": (np.uint8, (0,), 1),
    "mono16": (np.uint16, (0,), 1),
    "rgb8": (np.uint8, (0, 1, 2), 3),
    "bgr8": (np.uint8, (2, 1, 0), 3),
    "rgba8": (np.uint8, (0, 1, 2), 4),
    "bgra8": (np.uint8, (2, 1, 0), 4),
    "32FC1": (np.float32, (0,), 1),
}


def _sensor(name: str) -> Any:
    """The same parameter as the sensor's, but fixed while the node runs."""
    of = {field.name: field for field in fields(EventCameraConfig)}[name]
    metadata = {**of.metadata["parameter"], "fixed": True}
    text = metadata.pop("text")
    return parameter(of.default, text[0].upper() + text[1:] + ".", **metadata)


@dataclass(frozen=True)
class GazeboEventCameraConfig:
    """The sensor, and how its pictures are to be read."""

    threshold_on: float = _sensor("threshold_on")
    threshold_off: float = _sensor("threshold_off")
    threshold_mismatch: float = _sensor("threshold_mismatch")
    refractory_us: float = _sensor("refractory_us")
    scene_lux: float = _sensor("scene_lux")
    dark_lux: float = _sensor("dark_lux")
    bandwidth_hz: float = _sensor("bandwidth_hz")
    noise: float = _sensor("noise")
    leak_hz: float = _sensor("leak_hz")
    hot_fraction: float = _sensor("hot_fraction")
    gamma: float = parameter(
        2.2, "Exponent from a picture's value to light; 1 for linear pictures.", low=0.5, high=4.0,
        fixed=True,
    )  # fmt: skip
    seed: int = parameter(0, "Seed of mismatch and noise.", low=0, fixed=True)

    def sensor(self) -> EventCameraConfig:
        """The simulated sensor's own parameters."""
        own = {field.name for field in fields(EventCameraConfig)}
        return EventCameraConfig(**{n: v for n, v in vars(self).items() if n in own})


def luminance_of(message: Image, gamma: float) -> NDArray[np.float32]:
    """Linear luminance of a picture, (height, width) float32, 1 for white.

    Raises:
        InputError: an encoding that isn't read, or fewer bytes than the picture has.

    """
    if message.encoding not in _ENCODINGS:
        raise InputError(
            f"{SOURCE}: encoding '{message.encoding}' isn't read; there are: "
            f"{', '.join(_ENCODINGS)}"
        )
    kind, order, channels = _ENCODINGS[message.encoding]
    wide = message.width * channels * np.dtype(kind).itemsize
    if message.step < wide or len(message.data) < message.step * message.height:
        raise InputError(
            f"{SOURCE}: {len(message.data)} bytes, {message.step} a row, are too few for "
            f"{message.width} x {message.height} of {message.encoding}"
        )
    if not message.width or not message.height:
        raise InputError(f"{SOURCE}: a picture without pixels")
    raw = np.frombuffer(message.data, np.uint8)[: message.step * message.height]
    rows = np.ascontiguousarray(raw.reshape(message.height, message.step)[:, :wide])
    values = rows.view(np.dtype(kind).newbyteorder(">" if message.is_bigendian else "<"))
    values = values.reshape(message.height, message.width, channels)[..., list(order)]
    top = 1.0 if kind is np.float32 else float(np.iinfo(kind).max)
    light = (values / top) ** gamma
    grey = light @ _WEIGHTS if len(order) == 3 else light[..., 0]
    return grey.astype(np.float32)


class GazeboEventCameraNode(SlotNode):
    """One packet a picture: what the pixels fired since the picture before."""

    slot = "event_camera"
    text = "Makes events of a camera in Gazebo, by the pixels of the simulated event camera."
    config_type = GazeboEventCameraConfig
    publishes = (EVENTS,)
    joins = (SOURCE,)
    config: GazeboEventCameraConfig

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Have the pixels compiled before the first picture comes."""
        from spikeloop_sim.event_camera.pictures import PictureEventCamera

        camera = PictureEventCamera(16, 16, self.config.sensor())
        for step in range(2):
            camera.look(np.full((16, 16), 0.2 + 0.2 * step, np.float32), 10_000 * step)
        return super().on_configure(state)

    def reset(self) -> None:
        """The next picture is the first."""
        self._camera: Any = None
        self._last_us = 0
        self._writer = PacketWriter(self.diagnoser)

    def answer(self, stamp_ns: int, inputs: dict[str, Message]) -> dict[str, Message]:
        """Events since the last picture, as a packet."""
        from spikeloop_sim.event_camera.pictures import PictureEventCamera

        message = inputs[SOURCE]
        light = luminance_of(message, self.config.gamma)
        height, width = light.shape
        camera, time_us = self._camera, stamp_ns // 1000
        if camera is None or (camera.lens.height, camera.lens.width) != light.shape:
            self._camera = camera = PictureEventCamera(
                width, height, self.config.sensor(), self.config.seed
            )
        elif not 0 < time_us - self._last_us <= 1_000_000:
            since = (time_us - self._last_us) * 1e-6
            self.diagnoser.report(
                Level.WARN, f"{SOURCE}: {since:g} s since the last picture; the camera begins anew"
            )
            camera.reset(self.config.seed)
            self._writer.restart()
        self._last_us = time_us
        try:
            events = camera.look(light, time_us)
        except ValueError as error:
            raise InputError(f"{SOURCE}: {error}") from error
        packet = self._writer.write(events, Triggers.none(), message.header.frame_id)
        return {EVENTS: packet}


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(GazeboEventCameraNode, args)
