"""Filters events by choice and in a chosen order, and counts what it leaves out.

Every packet gives one, also where nothing is left of it, so that time goes on behind. Triggers
pass; they are published as a topic of their own as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from event_camera_msgs.msg import EventPacket
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import CameraInfo

from spikeloop.events.array import Events, Triggers
from spikeloop.events.calibration import CalibrationError, Camera, load_cameras, make_camera
from spikeloop.events.filters.background_activity import BackgroundActivity
from spikeloop.events.filters.downsample import Downsample
from spikeloop.events.filters.filter import Filter
from spikeloop.events.filters.hot_pixels import HotPixels
from spikeloop.events.filters.rectify import Rectify
from spikeloop.events.filters.refractory import Refractory
from spikeloop.events.filters.region import Region
from spikeloop.loop.health import Level
from spikeloop.nodes.event_node import EventNode, Output
from spikeloop.nodes.event_packets import PacketWriter, triggers_message
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.parameters import parameter

FILTERED, TRIGGERS, CAMERA_INFO = (
    "event_camera/filtered",
    "event_camera/triggers",
    "event_camera/camera_info",
)
FILTERS = (
    "hot_pixels",
    "region",
    "background_activity",
    "refractory",
    "rectify",
    "downsample",
)


@dataclass(frozen=True)
class EventFilterConfig:
    """Which filters, in which order, and how strong."""

    filters: tuple[str, ...] = parameter(
        ("background_activity",),
        f"Filters in their order, of: {', '.join(FILTERS)}.",
        choices=FILTERS,
        fixed=True,
    )
    background_window: float = parameter(
        0.002,
        "An event passes if a neighbour had one within this time.",
        unit="s",
        low=1e-6,
        high=1000.0,
    )
    refractory_period: float = parameter(
        0.001, "A pixel is deaf for so long after an event.", unit="s", low=1e-6, high=1000.0
    )
    hot_pixels_file: str = parameter(
        "", "YAML file of hot pixels: read if it is there, written at the end.", fixed=True
    )
    hot_rate: float = parameter(
        100.0, "Below this rate no pixel counts as hot.", unit="Hz", low=0.001, high=1e6
    )
    hot_factor: float = parameter(
        10.0, "A hot pixel exceeds those around it by this factor.", low=1.0, high=1e6
    )
    region_left: int = parameter(0, "First column of the region.", low=0, high=32767)
    region_top: int = parameter(0, "First row of the region.", low=0, high=32767)
    region_columns: int = parameter(
        0, "Columns of the region; 0 for all from its left on.", low=0, high=32768
    )
    region_rows: int = parameter(
        0, "Rows of the region; 0 for all from its top on.", low=0, high=32768
    )
    region_moved: bool = parameter(
        False, "Move the region's corner to (0, 0), so that it becomes the sensor."
    )
    downsample_factor: int = parameter(2, "Columns and rows of a block.", low=1, high=1024)
    downsample_events: int = parameter(
        0,
        "Events of a polarity in a block that give one; 0 for one a pixel of it.",
        low=0,
        high=1_000_000,
    )
    calibration: str = parameter(
        "",
        "Camera_info or Kalibr YAML for rectify; empty for the topic camera_info.",
        fixed=True,
    )
    camera: int = parameter(0, "Which camera of that file.", low=0, high=15, fixed=True)
    encoding: str = parameter(
        "",
        "Encoding: evt3 or mono; empty for evt3 where the input is of an EVT kind, else mono.",
        choices=("", "evt3", "mono"),
        fixed=True,
    )

    def __post_init__(self) -> None:
        """Refuse a filter that is named twice, for its figures would be mixed."""
        if len(set(self.filters)) < len(self.filters):
            raise ValueError(f"parameter 'filters' names one twice: {', '.join(self.filters)}")


class EventFilterNode(EventNode):
    """One packet out for each one in."""

    slot = "event_processing"
    text = "Filters events: noise, hot pixels, region, rectification, down-sampling."
    config_type = EventFilterConfig
    publishes = (FILTERED, TRIGGERS)
    config: EventFilterConfig

    @classmethod
    def others_of(cls, config: EventFilterConfig) -> tuple[str, ...]:
        """The calibration, where no file gives it."""
        return (CAMERA_INFO,) if "rectify" in config.filters and not config.calibration else ()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the calibration, if rectification needs a file."""
        self._camera: Camera | None = None
        self._told: tuple[object, ...] = ()
        if "rectify" in self.config.filters and self.config.calibration:
            try:
                self._camera = load_cameras(Path(self.config.calibration))[self.config.camera]
            except (CalibrationError, OSError, IndexError) as error:
                what = f"parameter 'calibration', camera {self.config.camera}: {error}"
                self.diagnoser.report(Level.ERROR, what)
                return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def reset(self) -> None:
        """A new stream, new filters."""
        self._filters: dict[str, Filter] | None = None
        self._size = (0, 0)
        self._unfiltered = 0
        self._writer = PacketWriter(self.diagnoser, self.config.encoding)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Keep what was learned of hot pixels."""
        file = self.config.hot_pixels_file
        learned = (self._filters or {}).get("hot_pixels")
        if file and isinstance(learned, HotPixels):
            try:
                learned.save(Path(file))
            except OSError as error:
                self.diagnoser.report(Level.ERROR, f"{file}: can't be written: {error.strerror}")
        return super().on_deactivate(state)

    def config_changed(self) -> None:
        """New settings hold from the next packet on, with filters that remember nothing."""
        self._filters = None

    def stream_restarted(self) -> None:
        """Forget the times of the pixels."""
        for each in (self._filters or {}).values():
            each.reset()
        self._writer.restart()

    def feed(self, events: Events, triggers: Triggers, stamp_ns: int) -> list[Output]:
        """Filter a packet."""
        if self._filters is None or self._size != (events.width, events.height):
            self._size = (events.width, events.height)
            self._filters = self._make(*self._size)
        if self._filters is None:
            self._unfiltered += len(events)
            self.diagnoser.report(Level.WARN, f"{CAMERA_INFO}: not here yet, events are left out")
            return []
        for each in self._filters.values():
            events = each.apply(events)
        source, frame = self.reader.encoding, self.reader.frame_id
        packet = self._writer.write(events, triggers, frame, source)
        outputs = [Output(FILTERED, packet, stamp_ns)]
        if len(triggers):
            outputs.append(Output(TRIGGERS, triggers_message(triggers, frame), stamp_ns))
        return outputs

    def empty(self, name: str) -> Message:
        """A packet without events."""
        width, height = self._size if all(self._size) else (1, 1)
        return EventPacket(width=width, height=height, encoding="mono")

    def figures(self) -> dict[str, str]:
        """What each filter took and left out."""
        told = self.written(FILTERED, self._writer)
        told["events before calibration"] = str(self._unfiltered)
        for name, each in (self._filters or {}).items():
            told[f"{name} removed"] = f"{each.taken - each.kept} of {each.taken}"
            if isinstance(each, HotPixels):
                told["hot pixels"] = str(int(each.hot.sum()))
        return told

    def on_other(self, name: str, message: Message) -> None:
        """Take a calibration; one that is only told again makes the filters forget nothing."""
        numbers = (tuple(getattr(message, matrix)) for matrix in "dkrp")
        told = (message.width, message.height, message.distortion_model, *numbers)
        if told == self._told:
            return
        try:
            self._camera = camera_of(message)
        except CalibrationError as error:
            self.diagnoser.report(Level.ERROR, f"{CAMERA_INFO}: {error}")
            return
        self._told, self._filters = told, None

    def _make(self, width: int, height: int) -> dict[str, Filter] | None:
        """The filters for a sensor of this size; None while the calibration isn't here."""
        made: dict[str, Filter] = {}
        for name in self.config.filters:
            if name == "rectify" and self._camera is None:
                return None
            each = self._one(name, width, height)
            made[name] = each
            if isinstance(each, Downsample) or (isinstance(each, Region) and each.moved):
                width, height = each.columns, each.rows
        return made

    def _one(self, name: str, width: int, height: int) -> Filter:
        c = self.config
        if name == "background_activity":
            return BackgroundActivity(width, height, round(1e6 * c.background_window))
        if name == "refractory":
            return Refractory(width, height, round(1e6 * c.refractory_period))
        if name == "downsample":
            return Downsample(width, height, c.downsample_factor, c.downsample_events)
        if name == "region":
            return Region(
                width,
                height,
                left=c.region_left,
                top=c.region_top,
                columns=c.region_columns or width - c.region_left,
                rows=c.region_rows or height - c.region_top,
                moved=c.region_moved,
            )
        if name == "rectify":
            assert self._camera is not None
            if (self._camera.width, self._camera.height) != (width, height):
                raise ValueError(
                    f"rectify: the calibration is of a {self._camera.width}x{self._camera.height} "
                    f"sensor, the events are of {width}x{height}"
                )
            return Rectify(self._camera)
        return self._hot_pixels(width, height)

    def _hot_pixels(self, width: int, height: int) -> HotPixels:
        c = self.config
        hot = HotPixels(width, height, rate_hz=c.hot_rate, factor=c.hot_factor)
        file = Path(c.hot_pixels_file)
        if c.hot_pixels_file and file.exists():
            try:
                hot.load(file)
            except (ValueError, OSError) as error:
                raise ValueError(f"parameter 'hot_pixels_file': {error}") from error
        return hot


def camera_of(message: CameraInfo) -> Camera:
    """The camera that a CameraInfo describes.

    Raises:
        CalibrationError: it isn't calibrated, or of a model that isn't known.

    """
    k, r, p = (np.array(m, dtype=np.float64) for m in (message.k, message.r, message.p))
    if not k[0] or not k[4]:
        raise CalibrationError("the camera isn't calibrated (its K is zero)")
    camera = make_camera(
        message.width,
        message.height,
        (float(k[0]), float(k[4]), float(k[2]), float(k[5])),
        message.distortion_model,
        tuple(float(v) for v in message.d),
    )
    if r.any():
        camera = replace(camera, rotation=r.reshape(3, 3))
    return replace(camera, projection=p.reshape(3, 4)) if p.any() else camera


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(EventFilterNode, args)
