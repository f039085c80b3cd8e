"""Turns events into arrays for people and networks: one for each slice, or packet, or period.

The array goes out as a message of its own with kind, axes, type and shape; as a picture too, when
somebody looks.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from spikeloop.events.array import Events, Triggers, joined
from spikeloop.events.representations.accumulator import Accumulator
from spikeloop.events.representations.binary import spike_tensor
from spikeloop.events.representations.group_tokens import group_tokens
from spikeloop.events.representations.histogram import count_picture, histogram, signed_picture
from spikeloop.events.representations.spike_tensor import event_spike_tensor
from spikeloop.events.representations.time_surface import TimeSurface
from spikeloop.events.representations.voxel import voxel_grid
from spikeloop.msg import EventRepresentation
from spikeloop.nodes.event_node import EventNode, Output
from spikeloop.nodes.event_packets import bytes_of
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.parameters import parameter

REPRESENTATION, PICTURE = "event_camera/representation", "event_camera/picture"
AXES = {
    "count": "y, x",
    "signed": "y, x",
    "histogram": "polarity, y, x",
    "time_surface": "y, x",
    "time_surface_by_polarity": "polarity, y, x",
    "linear_time_surface": "y, x",
    "accumulator": "y, x",
    "voxel_grid": "bin, y, x",
    "event_spike_tensor": "polarity and bin, y, x",
    "spikes": "step, polarity, y, x",
    "group_tokens": "token, group, feature, place",
}


@dataclass(frozen=True)
class EventRepresentationConfig:
    """What is made of the events, and how often."""

    kind: str = parameter(
        "histogram", f"What to make: {', '.join(AXES)}.", choices=tuple(AXES), fixed=True
    )
    source: str = parameter(
        "slices",
        "Which events: slices, events as the camera gives them, or filtered.",
        choices=("slices", "events", "filtered"),
        fixed=True,
    )
    period: float = parameter(
        0.0,
        "Time between outputs, by stamps; 0 for one for each message of the source.",
        unit="s",
        low=0.0,
        high=10.0,
        fixed=True,
    )
    bins: int = parameter(
        5, "Bins of voxel grid and event-spike tensor, intervals of group tokens.", low=1, high=100
    )
    step: float = parameter(
        0.001, "Time step of the spikes.", unit="s", low=1e-6, high=10.0, fixed=True
    )
    steps: int = parameter(
        0, "Time steps of the spikes; 0 for as many as the events need.", low=0, high=10_000
    )
    patch: int = parameter(
        4, "Columns and rows of a patch of the group tokens.", unit="pixels", low=1, high=256
    )
    tau: float = parameter(
        0.03,
        "Time constant of time surfaces and accumulator.",
        unit="s",
        low=1e-6,
        high=1000.0,
        fixed=True,
    )


class EventRepresentationNode(EventNode):
    """One array for each slice, packet or period; all events of it are used."""

    slot = "event_processing"
    text = "Events as arrays: count, histogram, time surface, voxel grid, spikes, tokens."
    config_type = EventRepresentationConfig
    publishes = (REPRESENTATION, PICTURE)
    config: EventRepresentationConfig

    @classmethod
    def source_of(cls, config: EventRepresentationConfig) -> str:
        """Slices, the camera's events, or those of the filter."""
        return f"event_camera/{config.source}"

    def reset(self) -> None:
        """No event yet."""
        self._parts: list[Events] = []
        self._surface: TimeSurface | None = None
        self._accumulator: Accumulator | None = None
        self._given = 0

    def stream_restarted(self) -> None:
        """Forget what fades with time."""
        self._surface = self._accumulator = None

    def feed(self, events: Events, triggers: Triggers, stamp_ns: int) -> list[Output]:
        """Keep the events, and make the array when it is due."""
        if self._parts and (events.width, events.height) != (
            self._parts[0].width,
            self._parts[0].height,
        ):
            self.reset()
        self._parts.append(events)
        if self.lockstep is None and not self._is_due(stamp_ns):
            return []
        whole = self._parts[0] if len(self._parts) == 1 else joined(self._parts)
        self._parts = []
        values = self._make(whole)
        self._given += 1
        outputs = [Output(REPRESENTATION, self._message(values, whole), stamp_ns)]
        if self.count_subscribers(self.resolve_topic_name(PICTURE)):
            outputs.append(Output(PICTURE, self._image(values), stamp_ns))
        return outputs

    def _make(self, events: Events) -> NDArray[Any]:
        c = self.config
        simple: dict[str, Callable[[], NDArray[Any]]] = {
            "count": lambda: count_picture(events),
            "signed": lambda: signed_picture(events),
            "histogram": lambda: histogram(events),
            "voxel_grid": lambda: voxel_grid(events, c.bins),
            "event_spike_tensor": lambda: event_spike_tensor(events, c.bins),
            "spikes": lambda: spike_tensor(events, round(1e6 * c.step), steps=c.steps or None),
            "group_tokens": lambda: group_tokens(events, c.bins, c.patch),
            "accumulator": lambda: self._accumulated(events),
        }
        return simple[c.kind]() if c.kind in simple else self._faded(events)

    def _accumulated(self, events: Events) -> NDArray[np.float32]:
        if self._accumulator is None:
            tau_us = 1e6 * self.config.tau
            self._accumulator = Accumulator(events.width, events.height, tau_us=tau_us)
        self._accumulator.add(events)
        return self._accumulator.picture()

    def _faded(self, events: Events) -> NDArray[np.float32]:
        if self._surface is None:
            apart = self.config.kind == "time_surface_by_polarity"
            self._surface = TimeSurface(events.width, events.height, by_polarity=apart)
        self._surface.add(events)
        tau_us = 1e6 * self.config.tau
        if self.config.kind == "linear_time_surface":
            return self._surface.linear(tau_us)
        return self._surface.exponential(tau_us)

    def _message(self, values: NDArray[Any], events: Events) -> EventRepresentation:
        little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        message = EventRepresentation(
            kind=self.config.kind,
            axes=AXES[self.config.kind],
            dtype=values.dtype.name,
            shape=array("I", values.shape),
            data=bytes_of(little.reshape(-1).view(np.uint8)),
            width=events.width,
            height=events.height,
            events=len(events),
            first_time=int(events.t[0]) if len(events) else 0,
            last_time=int(events.t[-1]) if len(events) else 0,
        )
        message.header.frame_id = self.reader.frame_id
        return message

    def _image(self, values: NDArray[Any]) -> Image:
        pixels = picture_of(values)
        height, width = pixels.shape[:2]
        image = Image(
            height=height, width=width, encoding="rgb8", step=3 * width, data=bytes_of(pixels)
        )
        image.header.frame_id = self.reader.frame_id
        return image

    def empty(self, name: str) -> Message:
        """An array without elements."""
        kind = self.config.kind
        return EventRepresentation(kind=kind, axes=AXES[kind], dtype="float32", shape=array("I"))

    def figures(self) -> dict[str, str]:
        """How many arrays went out."""
        return {"arrays out": str(self._given)}


def picture_of(values: NDArray[Any]) -> NDArray[np.uint8]:
    """A representation for people, (height, width, 3) RGB.

    Two planes of polarity are OFF in blue and ON in red; signed sums likewise; bins and steps are
    summed. The largest absolute value is full brightness. Tokens come as they lie, token by place.
    """
    planes = np.asarray(values, dtype=np.float32)
    if planes.ndim == 4 and planes.shape[1] == 2:
        planes = planes.sum(axis=0)
    elif planes.ndim == 4:
        planes = planes[:, :, 0].reshape(planes.shape[0], -1)
    if planes.ndim == 3 and planes.shape[0] == 2:
        on, off = planes[1], planes[0]
    else:
        flat = planes.sum(axis=0) if planes.ndim == 3 else planes
        on, off = np.maximum(flat, 0.0), np.maximum(-flat, 0.0)
    most = max(float(on.max(initial=0.0)), float(off.max(initial=0.0)), 1e-9)
    pixels = np.zeros((*on.shape, 3), np.uint8)
    pixels[..., 0], pixels[..., 2] = 255.0 * on / most, 255.0 * off / most
    return pixels


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(EventRepresentationNode, args)
