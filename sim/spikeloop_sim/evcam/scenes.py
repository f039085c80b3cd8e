"""Motions by which the camera model is measured, each with its own room."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.event_camera.optics import Pinhole, Pose, Twist
from spikeloop_sim.worlds.room import MOVER, textured_room

WIDTH, HEIGHT, FOCAL_PX = 346, 260, 200.0
_START = np.array([-0.3, 0.0, 1.3])
_STEP_S = 1e-5


@dataclass(frozen=True)
class Motion:
    """A steady motion of the camera in its own frame, and of the box in the world.

    Attributes:
        velocity: (3,) m/s, in the world.
        turning: yaw, pitch and roll rates, rad/s.
        box_velocity: (3,) m/s, in the world.
        box_turning: rate about the vertical, rad/s.

    """

    velocity: tuple[float, float, float]
    turning: tuple[float, float, float]
    box_velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    box_turning: float = 0.0


MOTIONS = {
    "rotation": Motion((0.0, 0.0, 0.0), (np.deg2rad(100.0), 0.0, 0.0)),
    "sideways": Motion((0.0, 1.0, 0.0), (0.0, 0.0, 0.0)),
    "forward": Motion((1.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "mixed": Motion((0.6, 0.4, 0.1), (0.5, -0.15, 0.2)),
    "object": Motion((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (-0.3, 1.4, 0.2), 0.8),
}


def lens() -> Pinhole:
    """That of a DAVIS346 with a wide lens."""
    return Pinhole(WIDTH, HEIGHT, FOCAL_PX, FOCAL_PX, 0.5 * (WIDTH - 1), 0.5 * (HEIGHT - 1))


class Scene:
    """A room in which camera and box move; any time can be set."""

    def __init__(self, motion: str, seed: int) -> None:
        """Build the room; raises KeyError for an unknown motion."""
        self.motion, self.model = MOTIONS[motion], textured_room(seed)
        self.data = mujoco.MjData(self.model)
        self._mover = int(self.model.body(MOVER).mocapid[0])
        self._home = self.data.mocap_pos[self._mover].copy()

    def at(self, time_s: float) -> tuple[mujoco.MjData, Pose]:
        """The state and the camera's pose at a time, s; the state is the same object each time."""
        motion, data = self.motion, self.data
        data.mocap_pos[self._mover] = self._home + time_s * np.array(motion.box_velocity)
        half = 0.5 * motion.box_turning * time_s
        data.mocap_quat[self._mover] = (np.cos(half), 0.0, 0.0, np.sin(half))
        mujoco.mj_kinematics(self.model, data)
        mujoco.mj_camlight(self.model, data)
        return data, self.pose(time_s)

    def pose(self, time_s: float) -> Pose:
        """The camera's pose at a time, s."""
        yaw, pitch, roll = time_s * np.array(self.motion.turning)
        forward = np.array(
            [np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)]
        )
        level = Pose.looking(_START + time_s * np.array(self.motion.velocity), forward)
        c, s = np.cos(roll), np.sin(roll)
        return Pose(
            level.position, level.rotation @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        )

    def twist(self, time_s: float) -> Twist:
        """The camera's velocities at a time, s."""
        before, after = self.pose(time_s - _STEP_S), self.pose(time_s + _STEP_S)
        turn = (after.rotation @ before.rotation.T - np.eye(3)) / (2.0 * _STEP_S)
        angular = 0.5 * np.array(
            [turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]
        )
        return Twist((after.position - before.position) / (2.0 * _STEP_S), angular)

    def box_twists(self) -> dict[int, Twist]:
        """The box's velocities, by body id."""
        spin: NDArray[np.float64] = np.array([0.0, 0.0, self.motion.box_turning])
        return {self.model.body(MOVER).id: Twist(np.array(self.motion.box_velocity), spin)}
