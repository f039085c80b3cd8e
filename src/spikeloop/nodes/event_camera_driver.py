"""Drives an event camera of iniVation or Prophesee (slot `event_camera`).

The cameras are reached by neuromorphic-drivers (extra `camera`). A thread reads the camera, for
that waits; the node's timer publishes. Without a camera the node stays, says what it needs, and
looks again each second, also after a cable was pulled.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.events.array import Events, Triggers
from spikeloop.events.filters.background_activity import BackgroundActivity
from spikeloop.events.filters.filter import Filter
from spikeloop.events.filters.region import Region
from spikeloop.loop.health import Level
from spikeloop.nodes.camera_source import Camera, CameraError, CameraPiece, find_camera
from spikeloop.nodes.event_file_player import imu_message
from spikeloop.nodes.event_packets import PacketWriter, triggers_message
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import SlotNode
from spikeloop.parameters import parameter

EVENTS, TRIGGERS, IMU = "event_camera/events", "event_camera/triggers", "imu/data"
CHECK_S = 0.002
LOOK_S = 1.0
WAITING = 1000
"""Pieces of the camera that wait to be published; older ones are left out and counted."""
PLAY_INSTEAD = (
    "to play a recording instead: spikeloop launch node.launch.py node:=event_file_player with its "
    "parameter file"
)


@dataclass(frozen=True)
class EventCameraDriverConfig:
    """Which camera, and how it is set."""

    serial: str = parameter("", "Serial number; empty for the first camera found.", fixed=True)
    biases: tuple[str, ...] = parameter(
        (), 'Biases of the camera as "name=value"; its own for the others.', fixed=True
    )
    rate_limit: float = parameter(
        0.0,
        "Most events a second; what is above is left out, evenly, and counted. 0 for no limit.",
        unit="1/s",
        low=0.0,
        high=1e9,
        fixed=True,
    )
    noise_window: float = parameter(
        0.0,
        "Leave out events without a neighbour's event within this time; 0 to leave out none.",
        unit="s",
        low=0.0,
        high=1000.0,
        fixed=True,
    )
    region_left: int = parameter(0, "First column of the region.", low=0, high=32767, fixed=True)
    region_top: int = parameter(0, "First row of the region.", low=0, high=32767, fixed=True)
    region_columns: int = parameter(
        0, "Columns of the region; 0 for the whole sensor.", low=0, high=32768, fixed=True
    )
    region_rows: int = parameter(
        0, "Rows of the region; 0 for the whole sensor.", low=0, high=32768, fixed=True
    )
    frame_id: str = parameter("event_camera", "Frame of the camera.", fixed=True)

    def __post_init__(self) -> None:
        """Refuse biases that aren't pairs, and half a region."""
        for pair in self.biases:
            name, _, value = pair.partition("=")
            if not name.isidentifier() or not value.lstrip("-").isdigit():
                raise ValueError(f"parameter 'biases': '{pair}' must be like diff_on=20")
        if (self.region_columns == 0) != (self.region_rows == 0):
            raise ValueError("parameters 'region_columns' and 'region_rows' must be given together")

    def bias_values(self) -> dict[str, int]:
        """The biases by name."""
        return {n: int(v) for n, _, v in (pair.partition("=") for pair in self.biases)}


class EventCameraDriverNode(SlotNode):
    """The camera's events, triggers and inertial samples, on the camera's clock."""

    slot = "event_camera"
    text = "Drives iniVation and Prophesee cameras: biases, region, rate limit, noise filter."
    config_type = EventCameraDriverConfig
    publishes = (EVENTS, TRIGGERS, IMU)
    config: EventCameraDriverConfig

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Look for the camera, and read it in a thread."""
        self._pieces: deque[CameraPiece] = deque(maxlen=WAITING)
        self._said: deque[tuple[Level, str]] = deque(maxlen=100)
        self._ending = threading.Event()
        self._writer = PacketWriter(self.diagnoser)
        self._filters: list[Filter] | None = None
        self._removed = 0
        self._offset_ns: int | None = None
        self._credit = 0.0
        self._credited_at = time.monotonic()
        self.read = self.unpublished = self.over_rate = self.connections = self.dropped = 0
        # Its own: with a camera that opens slowly it may live on in the next activation.
        own = (self._ending, self._said, self._pieces)
        self._thread = threading.Thread(target=self._run, args=own, daemon=True)
        self._thread.start()
        self._timer = self.create_timer(CHECK_S, self._on_timer, clock=self._steady)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let the camera go."""
        self._ending.set()
        self._thread.join(timeout=1.0)
        self.destroy_timer(self._timer)
        return super().on_deactivate(state)

    # --- in the thread -------------------------------------------------------------------------

    def _run(
        self,
        ending: threading.Event,
        said: deque[tuple[Level, str]],
        pieces: deque[CameraPiece],
    ) -> None:
        """Read the camera as long as the node is active, and look for it where it is gone."""
        while not ending.is_set():
            try:
                with find_camera(self.config.serial, self.config.bias_values()) as camera:
                    said.append((Level.OK, f"connected to {camera.name}"))
                    self._read(camera, ending, pieces)
            except CameraError as error:
                said.append((Level.ERROR, f"{error}; {PLAY_INSTEAD}"))
            except Exception as error:
                # Whatever a driver raises when the cable is pulled: it is looked for again.
                cause = str(error) or type(error).__name__
                said.append((Level.ERROR, f"the camera is lost: {cause}; looking for it"))
            ending.wait(LOOK_S)

    def _read(self, camera: Camera, ending: threading.Event, pieces: deque[CameraPiece]) -> None:
        for piece in camera.pieces():
            if ending.is_set():
                return
            if len(pieces) == WAITING:
                self.unpublished += len(pieces[0].events)
            pieces.append(piece)

    # --- in the node's thread ------------------------------------------------------------------

    def _on_timer(self) -> None:
        while self._said:
            level, text = self._said.popleft()
            if level is Level.OK:
                self.connections += 1
                self.get_logger().info(text)
                # A new connection is a new clock.
                self._removed = self._filtered()
                self._offset_ns, self._filters = None, None
                self._writer.restart()
            else:
                self.diagnoser.report(level, text)
        while self._pieces:
            self._publish(self._pieces.popleft())
        self._tell()

    def _publish(self, piece: CameraPiece) -> None:
        events = piece.events
        self.read += len(events)
        self.dropped += piece.dropped
        if piece.dropped:
            self.diagnoser.report(
                Level.WARN, f"too slow for the camera: {self.dropped} USB packets lost"
            )
        for each in self._chain(events.width, events.height):
            events = each.apply(events)
        events = self._limited(events)
        frame_id = self.config.frame_id
        if len(events):
            stamp = self._stamp(int(events.t[-1]))
            self.publish(EVENTS, self._writer.write(events, Triggers.none(), frame_id), stamp)
        if len(piece.triggers):
            stamp = self._stamp(int(piece.triggers.t[-1]))
            self.publish(TRIGGERS, triggers_message(piece.triggers, frame_id), stamp)
        for t, acceleration, rate in piece.samples:
            self.publish(IMU, imu_message(acceleration, rate, frame_id), self._stamp(t))

    def _stamp(self, t_us: int) -> int:
        """The camera's time on the node's clock: one offset for all topics, from the first piece.

        It is lowered when a piece arrives earlier than thought, so that no stamp lies ahead.
        """
        now = self.get_clock().now().nanoseconds
        offset = now - 1000 * t_us
        if self._offset_ns is None or offset < self._offset_ns:
            self._offset_ns = offset
        return 1000 * t_us + self._offset_ns

    def _chain(self, width: int, height: int) -> list[Filter]:
        if self._filters is None:
            c = self.config
            self._filters = []
            if c.region_columns:
                try:
                    self._filters.append(
                        Region(
                            width,
                            height,
                            left=c.region_left,
                            top=c.region_top,
                            columns=c.region_columns,
                            rows=c.region_rows,
                        )
                    )
                except ValueError as error:
                    self.diagnoser.report(Level.ERROR, f"{error}; the whole sensor is given")
            if c.noise_window:
                self._filters.append(BackgroundActivity(width, height, round(1e6 * c.noise_window)))
        return self._filters

    def _limited(self, events: Events) -> Events:
        """At most as many as the limit allows since the last piece, spread over the piece."""
        if not self.config.rate_limit:
            return events
        now = time.monotonic()
        # A tenth of a second may be saved up, so that bursts pass.
        self._credit = min(
            self._credit + (now - self._credited_at) * self.config.rate_limit,
            0.1 * self.config.rate_limit,
        )
        self._credited_at = now
        kept = thinned(events, int(self._credit))
        self._credit -= len(kept)
        self.over_rate += len(events) - len(kept)
        return kept

    def _filtered(self) -> int:
        """Events that filters took out, those of earlier connections included."""
        return self._removed + sum(f.taken - f.kept for f in self._filters or [])

    def _tell(self) -> None:
        self.diagnoser.values |= {
            "connections": str(self.connections),
            "events read": str(self.read),
            **self._writer.values(self.resolve_topic_name(EVENTS)),
            "events over the rate limit": str(self.over_rate),
            "events filtered": str(self._filtered()),
            "events not published in time": str(self.unpublished),
            "USB packets lost": str(self.dropped),
        }


def thinned(events: Events, most: int) -> Events:
    """At most so many of the events, evenly spread over them, in order."""
    n = len(events)
    if n <= most:
        return events
    if most <= 0:
        return events[:0]
    return events[(np.arange(most, dtype=np.int64) * n) // most]


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(EventCameraDriverNode, args)
