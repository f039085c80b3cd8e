"""The differential-drive robot's world: MuJoCo's model of scene and body, and what moves in it."""

from __future__ import annotations

import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.diff_drive_body import Body, add_body
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.lidar import cast
from spikeloop_sim.robot import Surroundings
from spikeloop_sim.worlds.mjcf import Labels, place_movers, start_pose, to_spec
from spikeloop_sim.worlds.plan import outlines
from spikeloop_sim.worlds.scene import Scene

STEPS = 4
"""Steps of the physics in a tick."""
SEE_M, FEELERS, FEELER_M = 5.0, 96, 0.1
UPRIGHT = 0.7
"""A contact whose normal is nearer to the vertical than this is the ground's."""
_LOW, _HIGH = 0.04, 0.33


class DiffDriveWorld:
    """State of the world and of the robot's body; kinematics are always up to date."""

    def __init__(self, scene: Scene, config: DiffDriveConfig, body: Body) -> None:
        """Build and compile the model."""
        self.scene, self.body = scene, body
        spec = to_spec(scene)
        self._start = start_pose(scene)
        add_body(spec, body, *self._start, config)
        spec.option.timestep = 0.01 / STEPS
        spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self.labels = Labels.of(self.model, scene)
        self.surroundings = Surroundings(
            scene.name, scene.seed, outlines(scene, _LOW, _HIGH), scene.goal, scene.route
        )
        model = self.model
        self.base = model.body(body.root).id
        self._joints = [model.joint(wheel.joint) for wheel in body.wheels]
        self._wheels = [model.geom(f"wheel {index}").id for index in range(2)]
        self._own = np.zeros(model.ngeom, bool)
        names = [f"robot {index}" for index in range(len(body.shapes))]
        self._own[[*self._wheels, *(model.geom(name).id for name in names)]] = True
        self._rotation = self.data.xmat[self.base].reshape(3, 3)
        self._position = self.data.xpos[self.base]
        self._mounts = {
            frame.name: _mount(frame.position, frame.orientation) for frame in body.frames
        }
        self.touching = False

    def reset(self, grips: NDArray[np.float64]) -> None:
        """Put the robot at the start, with the friction of each wheel, (2,)."""
        self.model.geom_friction[self._wheels, 0] = grips
        mujoco.mj_resetData(self.model, self.data)
        place_movers(self.model, self.data, self.scene, 0.0)
        self.touching = False
        self._update()

    def advance(self, wheel_rates: tuple[float, float], time_s: float) -> int:
        """A tick with the wheels' wanted rates, rad/s, to a time; returns how many bumps began."""
        place_movers(self.model, self.data, self.scene, time_s)
        self.data.ctrl[:] = wheel_rates
        touched = False
        for _ in range(STEPS):
            mujoco.mj_step(self.model, self.data)
            touched = touched or self._bumps()
        began = touched and not self.touching
        self.touching = touched
        self._update()
        return int(began)

    def _update(self) -> None:
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)

    def _bumps(self) -> bool:
        """Whether the robot touches anything but the ground."""
        contacts = self.data.contact
        if not len(contacts):
            return False
        own = self._own[contacts.geom].any(axis=1)
        level = np.abs(contacts.frame[:, 2]) < UPRIGHT
        return bool((own & level & (contacts.dist < 0.0)).any())

    def pose(self) -> tuple[float, float, float, float]:
        """x, y, z of base_link (m) and yaw (rad)."""
        x, y, z = self._position.tolist()
        rotation = self._rotation
        return x, y, z, math.atan2(rotation[1, 0], rotation[0, 0])

    def twist(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Velocity of base_link, m/s, and its rates, rad/s, in its own frame, (3,) each."""
        return self._rotation.T @ self.data.qvel[:3], self.data.qvel[3:6].copy()

    def wheel_angles(self) -> tuple[float, float]:
        """Left and right, rad since the start."""
        left, right = (float(self.data.qpos[joint.qposadr[0]]) for joint in self._joints)
        return left, right

    def wheel_rates(self) -> tuple[float, float]:
        """Left and right, rad/s."""
        left, right = (float(self.data.qvel[joint.dofadr[0]]) for joint in self._joints)
        return left, right

    def mount(self, frame: str) -> NDArray[np.float64]:
        """Rotation (3, 3) from a frame's axes to base_link's."""
        return self._mounts[frame][1]

    def sensor_pose(self, frame: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Position (3,) in the world, m, and rotation (3, 3) from the frame's axes to it."""
        position, rotation = self._mounts[frame]
        return self._position + self._rotation @ position, self._rotation @ rotation

    def sensor_twist(self, frame: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Velocities of a frame's origin in the world's axes, (3,) m/s and (3,) rad/s."""
        rates = self._rotation @ self.data.qvel[3:6]
        arm = self._rotation @ self._mounts[frame][0]
        return self.data.qvel[:3] + np.cross(rates, arm), rates

    def point_velocity(self) -> NDArray[np.float64]:
        """Velocity of the IMU in the world, (3,) m/s."""
        return self.sensor_twist("imu_link")[0]


def _mount(
    position: tuple[float, ...], orientation: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y, z, w = orientation
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, np.array([w, x, y, z]))
    return np.array(position), matrix.reshape(3, 3)


def clearance(world: DiffDriveWorld) -> float:
    """Distance from the robot's outline to what stands in its way, m, by rays around it.

    Obstacles thinner than a twentieth of their distance can be missed; it is at most `SEE_M`.
    """
    angles = np.linspace(-math.pi, math.pi, FEELERS, endpoint=False)
    flat = np.stack([np.cos(angles), np.sin(angles), np.zeros(FEELERS)], axis=1)
    x, y, z, _ = world.pose()
    height = max(FEELER_M - world.body.lift, 0.0)
    rotation = world.data.xmat[world.base].reshape(3, 3)
    origin = np.array([x, y, z]) + height * rotation[:, 2]
    hits = cast(world.model, world.data, origin, flat @ rotation.T, SEE_M)
    seen = np.isfinite(hits.range)
    if not seen.any():
        return SEE_M
    points = np.abs(hits.range[seen, None] * flat[seen, :2])
    gap = np.maximum(points - np.array(world.body.hull), 0.0)
    return float(min(np.hypot(*gap.T).min(), SEE_M))
