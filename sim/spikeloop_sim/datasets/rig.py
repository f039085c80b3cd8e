"""The sensors of a recording: from a stage and a path to messages and ground truth, part by part.

Everything is fixed by the seed and the configuration. What a part depends on of the parts before
is in `state`, so that a recording can go on where it was interrupted, with the same result.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, joined
from spikeloop_sim.datasets.config import US, RecordConfig
from spikeloop_sim.datasets.path import CARRIED_BY, RigPath
from spikeloop_sim.datasets.stage import Stage
from spikeloop_sim.event_camera.camera import EventCamera
from spikeloop_sim.event_camera.config import EventCameraConfig
from spikeloop_sim.event_camera.geometry import Placement
from spikeloop_sim.event_camera.optics import Pinhole, Pose, Twist
from spikeloop_sim.event_camera.renderer import Haze, SceneRenderer
from spikeloop_sim.event_camera.truth import displacement
from spikeloop_sim.frame_camera import FrameCamera, Picture
from spikeloop_sim.frame_camera_config import FrameCameraConfig
from spikeloop_sim.stereo import StereoRig
from spikeloop_sim.true_view import TrueEye, TrueView

START_US = US
"""The clock's time where a recording begins: stamps of 0 count as none in ROS."""
MOUNT_M = 0.1
_OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
_SIDES = ("left", "right")


@dataclass(frozen=True)
class Seen:
    """Ground truth of one time for the left event camera, and the events up to it.

    Attributes:
        number: of the time: 0 is the beginning, then every period.
        time_us: by the recording's clock.
        events: of each side since the time before; none at the beginning.
        view: ground truth of the left event camera.
        forward: displacement until the next time and where it is known.
        backward: displacement until the time before, likewise.

    """

    number: int
    time_us: int
    events: Mapping[str, Events]
    view: TrueView
    forward: tuple[NDArray[np.float32], NDArray[np.bool_]]
    backward: tuple[NDArray[np.float32], NDArray[np.bool_]]


@dataclass
class Part:
    """What a part of a recording holds, in order of time."""

    seen: list[Seen] = field(default_factory=list)
    frames: list[tuple[int, Mapping[str, Picture]]] = field(default_factory=list)


class Rig:
    """Cameras on a path through a stage."""

    def __init__(
        self,
        stage: Stage,
        config: RecordConfig,
        event_config: EventCameraConfig,
        frame_config: FrameCameraConfig,
        seed: int,
        duration_s: float,
    ) -> None:
        """Make the cameras; light is the stage's.

        Raises:
            ValueError: a negative seed.
            RuntimeError: this machine can't draw off-screen.

        """
        self.stage, self.config = stage, config
        carrier = CARRIED_BY[config.carrier]
        self.path = RigPath(stage.ground, carrier, duration_s, seed, config.speed)
        self.lens = Pinhole.of_field(config.width, config.height, np.deg2rad(config.field_deg))
        self.stereo = StereoRig(self.lens, config.baseline)
        self.sides = _SIDES if config.stereo else _SIDES[:1]
        event_config = replace(event_config, scene_lux=stage.lux)
        frame_config = replace(frame_config, scene_lux=stage.lux)
        haze = None if math.isinf(stage.visibility_m) else Haze(stage.visibility_m, stage.air)
        self._renderer = SceneRenderer(
            stage.model, self.lens, event_config.supersampling, haze=haze
        )
        self._truth = TrueEye(stage.model, self.stereo, stage.things)
        # Each camera has pixels of its own; what a seed draws must differ from side to side.
        self._events = {
            side: EventCamera(stage.model, self.lens, event_config, 2 * seed + k, self._renderer)
            for k, side in enumerate(self.sides)
        }
        self._cameras = {
            side: FrameCamera(stage.model, self.lens, frame_config, 2 * seed + k, self._renderer)
            for k, side in enumerate(self.sides if config.frames else ())
        }
        self._next_frame = 0

    def close(self) -> None:
        """Free the renderers."""
        self._renderer.close()
        self._truth.close()

    def state(self) -> dict[str, NDArray[Any]]:
        """What the parts to come depend on."""
        found: dict[str, NDArray[Any]] = {"next_frame": np.array(self._next_frame)}
        for kind, cameras in (("events", self._events), ("frames", self._cameras)):
            for side, camera in cameras.items():
                found |= {f"{kind}/{side}/{n}": v for n, v in camera.state().items()}
        return found

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where `state` was taken, by a rig made alike."""
        self._next_frame = int(state["next_frame"])
        for kind, cameras in (("events", self._events), ("frames", self._cameras)):
            for side, camera in cameras.items():
                prefix = f"{kind}/{side}/"
                own = {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}
                camera.restore(own)

    def part(self, index: int, last: int) -> Part:
        """The part of that number, which must be the next.

        Args:
            index: of the part.
            last: number of the recording's last time; the part ends there at the latest.

        """
        step = self.config.segment
        numbers = range(index * step + 1, min((index + 1) * step, last) + 1)
        part = Part()
        if index == 0:
            part.seen.append(self._look(0, self._watch(0, 0)))
        for number in numbers:
            before = (number - 1) * self.config.period_us
            events = self._watch(before, number * self.config.period_us)
            part.seen.append(self._look(number, events))
        part.frames = self._take_until(numbers[-1] * self.config.period_us)
        return part

    def optical(self, time_s: float, side: str = "left") -> Pose:
        """Pose of an optical frame in the world."""
        body = self.path.pose(time_s)
        return Pose(body.position + body.rotation @ self.mount(side), body.rotation @ _OPTICAL)

    def mount(self, side: str) -> NDArray[np.float64]:
        """Where a camera sits in the body's frame, m."""
        half = 0.5 * self.config.baseline
        return np.array([MOUNT_M, half if side == "left" else -half, 0.0])

    def _twist(self, time_s: float) -> Twist:
        body, twist = self.path.pose(time_s), self.path.twist(time_s)
        arm = body.rotation @ self.mount("left")
        return Twist(twist.linear + np.cross(twist.angular, arm), twist.angular)

    def _watch(self, begin_us: int, end_us: int) -> dict[str, Events]:
        """Events of all cameras with begin <= t < end, by the recording's clock."""
        found: dict[str, list[Events]] = {side: [] for side in self.sides}
        now = begin_us
        while True:
            # The beginning of all is seen once more than the others' beginnings.
            if now > begin_us or end_us == 0:
                data = self.stage.at(1e-6 * now)
                for side, camera in self._events.items():
                    pose = self.optical(1e-6 * now, side)
                    found[side].append(camera.see(data, pose, START_US + now))
            if now == end_us:
                return {side: joined(parts) for side, parts in found.items()}
            step = min(camera.interval_us for camera in self._events.values())
            now = min(now + step, end_us)

    def _look(self, number: int, events: Mapping[str, Events]) -> Seen:
        """Ground truth at a time."""
        stage, period = self.stage, self.config.period_us
        time_us = number * period
        time_s = 1e-6 * time_us
        pose = self.optical(time_s)
        data = stage.at(time_s)
        view = self._truth.look(data, pose, self._twist(time_s), stage.twists(time_s))
        here = Placement.of(data, pose)
        ways = []
        for other_us in (time_us + period, time_us - period):
            there = Placement.of(stage.at(1e-6 * other_us), self.optical(1e-6 * other_us))
            ways.append(displacement(view.truth, self.lens, here, there))
        forward, backward = ways
        return Seen(number, START_US + time_us, events, view, forward, backward)

    def _take_until(self, end_us: int) -> list[tuple[int, Mapping[str, Picture]]]:
        """Frames whose exposure ends by a time, with their numbers."""
        taken: list[tuple[int, Mapping[str, Picture]]] = []
        every = US // self.config.frame_rate
        while self._cameras:
            middle = self._next_frame * every
            spans = {side: camera.exposure_us for side, camera in self._cameras.items()}
            if middle + max(spans.values()) // 2 + 1 > end_us:
                break
            pictures = {}
            for side, camera in self._cameras.items():

                def view(time_s: float, side: str = side) -> tuple[mujoco.MjData, Pose]:
                    local = time_s - 1e-6 * START_US
                    return self.stage.at(local), self.optical(local, side)

                begin = START_US + middle - spans[side] // 2
                pictures[side] = camera.take(view, begin, self._twist(1e-6 * middle))
            taken.append((self._next_frame, pictures))
            self._next_frame += 1
        return taken
