"""The cameras of the differential-drive robot: when they look, and what is told of them."""

from __future__ import annotations

import math
from dataclasses import replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.diff_drive_world import DiffDriveWorld
from spikeloop_sim.event_camera.camera import EventCamera
from spikeloop_sim.event_camera.config import EventCameraConfig
from spikeloop_sim.event_camera.optics import Pinhole, Pose, Twist
from spikeloop_sim.frame_camera import FrameCamera
from spikeloop_sim.frame_camera_config import FrameCameraConfig
from spikeloop_sim.robot import CameraInfoReading
from spikeloop_sim.stereo import StereoRig
from spikeloop_sim.true_view import TrueEye, TrueView, mover_twists, things_of


def lens_of(width: int, height: int, field_deg: float) -> Pinhole:
    """The lens of a camera of the robot."""
    return Pinhole.of_field(width, height, math.radians(field_deg))


def told_lens(lens: Pinhole) -> CameraInfoReading:
    """As the topic `camera_info` has it."""
    return CameraInfoReading(lens.width, lens.height, lens.fx, lens.fy, lens.cx, lens.cy)


class EventEye:
    """The event camera: looks as often as motion asks for, and gathers events between samples."""

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        pose: Pose,
        config: DiffDriveConfig,
        lux: float,
        seed: int,
    ) -> None:
        """Stand in a world with `lux` on a white surface, at a pose; errors as `EventCamera`."""
        lens = lens_of(config.event_width, config.event_height, config.field_deg)
        sensor = replace(EventCameraConfig(), scene_lux=lux)
        self._camera = EventCamera(model, lens, sensor, seed)
        # What it needs is compiled now, not in the first moments of a mission.
        for time_us in (0, 10_000):
            self._camera.see(data, pose, time_us)
        self._seed = seed
        self.begin_anew()
        self._pieces: list[Events] = []
        self._last_us = -1

    def look(
        self, data: mujoco.MjData, pose: Pose, time_us: int, next_us: int, is_due: bool
    ) -> None:
        """Look if a sample is due, or if the next chance is too late for what moves."""
        late = next_us - self._last_us > self._camera.interval_us
        if is_due or late:
            self._pieces.append(self._camera.see(data, pose, time_us))
            self._last_us = time_us

    def begin_anew(self) -> None:
        """Forget what was seen, as a camera does that was covered: the next look is the first."""
        self._camera.reset(self._seed)

    def take(self) -> Events:
        """Events since the last call."""
        pieces, self._pieces = self._pieces, []
        if len(pieces) == 1:
            return pieces[0]
        columns = (np.concatenate([getattr(p, name) for p in pieces]) for name in "txyp")
        t, x, y, p = columns
        return Events(t, x, y, p, self._camera.lens.width, self._camera.lens.height)

    def close(self) -> None:
        """Free the renderer."""
        self._camera.close()


class TruthEye:
    """Ground truth of the event camera."""

    def __init__(self, world: DiffDriveWorld, config: DiffDriveConfig) -> None:
        """Stand in the robot's world; errors as `TrueEye`."""
        self._world = world
        lens = lens_of(config.event_width, config.event_height, config.field_deg)
        things = things_of(world.model, world.labels)
        self._eye = TrueEye(world.model, StereoRig(lens, config.truth_baseline), things)
        self._last: tuple[float, TrueView] | None = None

    def look(self, time_s: float) -> TrueView:
        """The truth at the world's time, s; it is drawn once."""
        if self._last is None or self._last[0] != time_s:
            world, frame = self._world, "event_camera_optical_frame"
            # Velocities of the robot's own links, which the last step left a step behind.
            mujoco.mj_comPos(world.model, world.data)
            mujoco.mj_comVel(world.model, world.data)
            movers = mover_twists(world.model, world.scene, time_s)
            pose, twist = Pose(*world.sensor_pose(frame)), Twist(*world.sensor_twist(frame))
            self._last = time_s, self._eye.look(world.data, pose, twist, movers)
        return self._last[1]

    def close(self) -> None:
        """Free the renderer."""
        self._eye.close()


class FrameEye:
    """The frame camera: an exposure ends when its sample falls due.

    During an exposure the camera is taken to move with its velocity at the end, and the rest of
    the world to stand.
    """

    def __init__(
        self, model: mujoco.MjModel, config: DiffDriveConfig, lux: float, seed: int
    ) -> None:
        """Stand in a world with `lux` on a white surface; errors as `FrameCamera`."""
        lens = lens_of(config.camera_width, config.camera_height, config.field_deg)
        self._camera = FrameCamera(model, lens, replace(FrameCameraConfig(), scene_lux=lux), seed)

    def take(
        self, data: mujoco.MjData, pose: Pose, twist: Twist, time_us: int
    ) -> NDArray[np.uint8]:
        """Grey values, (height, width)."""

        def view(time_s: float) -> tuple[mujoco.MjData, Pose]:
            since = time_s - 1e-6 * time_us
            turn = _small_rotation(twist.angular * since)
            return data, Pose(pose.position + since * twist.linear, turn @ pose.rotation)

        begin_us = time_us - self._camera.exposure_us
        return self._camera.take(view, begin_us, twist).pixels

    def close(self) -> None:
        """Free the renderer."""
        self._camera.close()


def _small_rotation(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation by a vector, rad."""
    quaternion, matrix = np.zeros(4), np.zeros(9)
    angle = float(np.linalg.norm(vector))
    axis = vector / angle if angle > 1e-12 else np.array([0.0, 0.0, 1.0])
    mujoco.mju_axisAngle2Quat(quaternion, axis, angle)
    mujoco.mju_quat2Mat(matrix, quaternion)
    return matrix.reshape(3, 3)
