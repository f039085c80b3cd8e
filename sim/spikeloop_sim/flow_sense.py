"""Optical flow of the robot's simulated event camera, for environments."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spikeloop.control.flow_strips import strip_rates
from spikeloop.events.array import Events, joined
from spikeloop.perception.flow.planes import PlaneFlow, PlaneFlowConfig
from spikeloop_sim.diff_drive import EVENT_TICKS, EVENTS, DiffDrive
from spikeloop_sim.robot import EventsReading

CAMERA: dict[str, object] = {"event_camera": True, "event_width": 128, "event_height": 48}
"""A small one: drawing its pictures takes most of an episode's time."""
PLANES = PlaneFlowConfig(
    oldest=0.15, burst=0.1, deviation=0.01, slowest=3.0, fastest=300.0, tile=16
)
"""With so few pixels an edge needs longer from one to the next."""


class FlowSense:
    """Gathers a robot's events between two decisions, and gives their flow by strips."""

    def __init__(self, robot: DiffDrive) -> None:
        """Watch a robot.

        Raises:
            ValueError: it has no event camera.

        """
        config = robot.config
        if not config.event_camera:
            raise ValueError("parameter 'event_camera' must be true: flow comes from its events")
        self._robot, self._field = robot, math.radians(config.field_deg)
        self._size = (config.event_width, config.event_height)
        self.reset()

    def reset(self) -> None:
        """Forget all events; an episode begins."""
        self._planes = PlaneFlow(*self._size, PLANES)
        self._pieces: list[Events] = []
        self._ticks = 0

    def listen(self) -> None:
        """Take what the camera saw in a tick of the robot."""
        self._ticks += 1
        if self._ticks % EVENT_TICKS == 0:
            reading = self._robot.read(EVENTS)
            assert isinstance(reading, EventsReading)
            self._pieces.append(reading.events)

    def take(self, turn_rate: float) -> NDArray[np.float64]:
        """The flow since the last call by strips; see `strip_rates`."""
        events, self._pieces = joined([Events.none(*self._size), *self._pieces]), []
        return strip_rates(self._planes.feed(events), self._field, turn_rate)
