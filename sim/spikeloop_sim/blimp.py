"""A blimp in MuJoCo: nearly neutral, slow, and moved by gusts.

Air acts through MuJoCo's ellipsoid fluid model. That model has the part of the added mass that
depends on velocity alone; the part that depends on acceleration is given to the free joint as
inertia (Lamb's coefficients of a prolate spheroid), exact for a level blimp up to its heading.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import build_config
from spikeloop_sim.blimp_config import BlimpConfig
from spikeloop_sim.robot import (
    CommandKind,
    OdometryReading,
    Reading,
    SensorSpec,
    checked_command,
    no_such_topic,
    random_stream,
)
from spikeloop_sim.robots import Order
from spikeloop_sim.sensors import Altimeter, Imu
from spikeloop_sim.wind import Wind

ROBOT = "blimp"
GRAVITY = 9.81
ALTIMETER_FIELD_OF_VIEW = 0.04
PHYSICS_STEPS_PER_TICK = 2

SENSORS = (
    SensorSpec("altitude", "range", 5, "altimeter_link"),
    SensorSpec("imu/data", "imu", 1, "base_link"),
    SensorSpec("ground_truth/odom", "odometry", 2, "map"),
)

_BASE = np.array([0.0, 0.0, -0.46])
# Groups of geoms that the altimeter sees: not the scenery, over which the blimp may drift.
_SOLID_GROUP = 0
MODEL = Path(__file__).with_name("blimp.xml")


class Blimp:
    """The blimp as a `Robot`: thrusters vertical, left, right; altimeter 20 Hz, IMU 100 Hz.

    base_link is the altimeter at the bottom of the gondola, looking down; the IMU is there too.
    """

    tick_s = 0.01
    command_kind: CommandKind = "actuators"
    actuator_names = ("vertical", "left", "right")

    def __init__(
        self,
        config: BlimpConfig | None = None,
        sensors: Sequence[SensorSpec] = SENSORS,
    ) -> None:
        """Build the blimp and reset it with seed 0.

        Args:
            config: parameters; defaults where None.
            sensors: those that are simulated, some or all of `SENSORS`. Leaving out one saves
                its time and changes no other.

        """
        self.config = config or BlimpConfig()
        self.sensors = tuple(sensors)
        up = (self.config.thrust_up, self.config.thrust_forward, self.config.thrust_forward)
        down = (self.config.thrust_down, self.config.thrust_backward, self.config.thrust_backward)
        self._gains = tuple(zip(up, down, strict=True))
        self._follow_rising = 1.0 - math.exp(-self.tick_s / self.config.lag_rising)
        self._follow_falling = 1.0 - math.exp(-self.tick_s / self.config.lag_falling)
        self.reset(0)

    def _place(self, seed: int) -> None:
        """Put it at its start, but for the height."""
        del seed
        if not hasattr(self, "model"):
            self._install(mujoco.MjModel.from_xml_path(str(MODEL)), _SOLID_GROUP)
        mujoco.mj_resetData(self.model, self.data)

    def _install(self, model: mujoco.MjModel, solid_group: int, prefix: str = "") -> None:
        """Take a model that has the blimp in it; the altimeter sees geoms of a group."""
        self.model = model
        self.model.opt.gravity = (0.0, 0.0, -GRAVITY)
        self.model.dof_armature[:6] = _added_inertia(self.model, f"{prefix}envelope")
        self.data = mujoco.MjData(self.model)
        self._envelope = self.model.body(f"{prefix}envelope").id
        self._base = self.model.body(f"{prefix}base_link").id
        self._own_mass = float(
            sum(self.model.body_mass[body] for body in (self._envelope, self._base))
        )
        self._solid = np.zeros(6, np.uint8)
        self._solid[solid_group] = 1
        # Views into MuJoCo's memory, which stays where it is; each access would make a new one.
        self._control, self._air = self.data.ctrl, self.model.opt.wind
        self._rotation = self.data.xmat[self._base].reshape(3, 3)
        self._position = self.data.xpos[self._base]

    @property
    def safe_command(self) -> NDArray[np.float64]:
        """Thrusters off, (3,)."""
        return np.zeros(len(self.actuator_names))

    @property
    def time_s(self) -> float:
        """Time since the reset, s."""
        return self._tick * self.tick_s

    def reset(self, seed: int) -> None:
        """Start an episode at rest at `start_altitude`; see `Robot.reset`."""
        config = self.config
        self._place(seed)
        self.data.qpos[2] = config.start_altitude - _BASE[2]
        self.buoyancy_offset = self._draw_offset(random_stream(seed, "buoyancy"))
        weight = self._own_mass * GRAVITY
        lift = weight + self.buoyancy_offset * config.thrust_up
        own_weight = float(self.model.body_mass[self._envelope]) * GRAVITY
        self.model.body_gravcomp[self._envelope] = lift / own_weight
        wind, gust = config.wind, config.gust
        self._wind = Wind(
            (wind[0], wind[1], wind[2]),
            (gust[0], gust[1], gust[2]),
            config.gust_time_constant,
            self.tick_s,
            random_stream(seed, "wind"),
        )
        self._altimeter = Altimeter(
            config.altimeter_noise,
            config.altimeter_resolution,
            config.altimeter_min,
            config.altimeter_max,
            ALTIMETER_FIELD_OF_VIEW,
            random_stream(seed, "altitude"),
        )
        self._imu = Imu(
            config.gyro_noise,
            config.gyro_bias,
            config.accel_noise,
            config.accel_bias,
            random_stream(seed, "imu/data"),
        )
        self._drive = [0.0, 0.0, 0.0]
        self._tick = 0
        mujoco.mj_kinematics(self.model, self.data)
        self._velocity_before = self._base_velocity()
        self._acceleration = np.zeros(3)
        self._samples: dict[str, Reading] = {}
        self._sample_due()

    def step(self, command: NDArray[np.float64]) -> None:
        """Advance by 10 ms; see `Robot.step`."""
        # Floats rather than arrays: for three values NumPy costs more than the physics.
        targets = checked_command(command, self.actuator_names)
        drive, control = self._drive, self._control
        for index, (target, (up, down)) in enumerate(zip(targets, self._gains, strict=True)):
            now = drive[index]
            now += (self._follow_rising if target > now else self._follow_falling) * (target - now)
            drive[index] = now
            control[index] = now * (up if now > 0.0 else down)
        self._air[:] = self._wind.sample()
        mujoco.mj_step(self.model, self.data, PHYSICS_STEPS_PER_TICK)
        self._tick += 1
        self._sample_due()

    def read(self, topic: str) -> Reading:
        """The newest sample; see `Robot.read`."""
        try:
            return self._samples[topic]
        except KeyError:
            raise no_such_topic(topic, self.sensors) from None

    def truth(self) -> dict[str, float]:
        """The true state now.

        Returns:
            altitude (height of base_link above the floor, m), climb_rate (m/s), x, y (m), roll,
            pitch, yaw (rad), vertical_drive (what the vertical thruster gives, as a command),
            buoyancy_offset (fraction of the largest upward thrust), wind_up (m/s).

        """
        mujoco.mj_kinematics(self.model, self.data)
        x, y, z = self.data.xpos[self._base].tolist()
        rotation = self.data.xmat[self._base].tolist()
        return {
            "altitude": z,
            "climb_rate": float(self._base_velocity()[2]),
            "x": x,
            "y": y,
            "roll": math.atan2(rotation[7], rotation[8]),
            "pitch": math.asin(min(1.0, max(-1.0, -rotation[6]))),
            "yaw": math.atan2(rotation[3], rotation[0]),
            "vertical_drive": self._drive[0],
            "buoyancy_offset": self.buoyancy_offset,
            "wind_up": float(self.model.opt.wind[2]),
        }

    def fluid_shapes(self) -> list[tuple[float, ...]]:
        """Shapes on which the air acts by the ellipsoid model, for simpler models of this blimp.

        Returns:
            For each: half axes along x, y, z (m) and coefficients of blunt drag, slender drag and
            Kutta lift, as in MuJoCo's documentation.

        """
        model = self.model
        return [
            (*model.geom_size[geom], *model.geom_fluid[geom][[1, 2, 4]])
            for geom in range(model.ngeom)
            if model.geom_fluid[geom][0] > 0.0
        ]

    def gondola_faces(self) -> tuple[float, ...]:
        """Areas across x, y, z of the box by which MuJoCo models the drag of the gondola, m^2."""
        inertia = self.model.body_inertia[self._base]
        sides = np.sqrt(6.0 * (inertia.sum() - 2.0 * inertia) / self.model.body_mass[self._base])
        axes = np.zeros(9)
        mujoco.mju_quat2Mat(axes, self.model.body_iquat[self._base])
        x, y, z = (np.abs(axes.reshape(3, 3)) @ sides).tolist()
        return (y * z, x * z, x * y)

    def moved_mass(self) -> tuple[float, float]:
        """Mass of blimp and air that a motion along the ground, and a vertical one, moves, kg."""
        mass = self._own_mass
        return mass + float(self.model.dof_armature[0]), mass + float(self.model.dof_armature[2])

    def _draw_offset(self, random: np.random.Generator) -> float:
        magnitude = random.uniform(self.config.offset_low, self.config.offset_high)
        sign = random.choice((-1.0, 1.0))
        if self.config.offset_sign != "either":
            sign = 1.0 if self.config.offset_sign == "light" else -1.0
        return float(sign * magnitude)

    def _sample_due(self) -> None:
        if all(self._tick % spec.period_ticks for spec in self.sensors):
            return
        mujoco.mj_kinematics(self.model, self.data)
        for spec in self.sensors:
            if self._tick % spec.period_ticks:
                continue
            if spec.kind == "range":
                self._samples[spec.topic] = self._altimeter.sample(self._distance_below())
            elif spec.kind == "imu":
                rates = self.data.qvel[3:6]
                self._samples[spec.topic] = self._imu.sample(rates, self._specific_force())
            else:
                self._samples[spec.topic] = self._pose_reading(spec)

    def _base_velocity(self) -> NDArray[np.float64]:
        """Velocity of base_link in the world frame, after mj_kinematics."""
        rotation = self._rotation
        spin = self.data.qvel[3:6]
        arm = np.array([spin[1] * _BASE[2], -spin[0] * _BASE[2], 0.0])
        velocity: NDArray[np.float64] = self.data.qvel[:3] + rotation @ arm
        return velocity

    def _distance_below(self) -> float:
        distance = mujoco.mj_ray(
            self.model,
            self.data,
            self._position,
            -self._rotation[:, 2],
            self._solid,
            True,
            self._base,
            None,
        )
        return math.inf if distance < 0.0 else float(distance)

    def _specific_force(self) -> NDArray[np.float64]:
        """Mean over the last tick, as an IMU integrates it, in the frame of base_link."""
        velocity = self._base_velocity()
        felt = (velocity - self._velocity_before) / self.tick_s
        self._velocity_before = velocity
        felt[2] += GRAVITY
        rotation = self._rotation
        force: NDArray[np.float64] = rotation.T @ felt
        return force

    def _pose_reading(self, spec: SensorSpec) -> OdometryReading:
        """What a sensor of kind `odometry` reads; here all tell the truth."""
        del spec
        return self._odometry()

    def _odometry(self) -> OdometryReading:
        rotation = self._rotation
        x, y, z = self.data.xpos[self._base].tolist()
        qw, qx, qy, qz = self.data.xquat[self._base].tolist()
        vx, vy, vz = (rotation.T @ self._base_velocity()).tolist()
        wx, wy, wz = self.data.qvel[3:6].tolist()
        return OdometryReading((x, y, z), (qx, qy, qz, qw), (vx, vy, vz), (wx, wy, wz), "base_link")


def _added_inertia(model: mujoco.MjModel, envelope: str) -> NDArray[np.float64]:
    """Inertia of the air that a prolate spheroid takes along: 3 translations, 3 rotations.

    Lamb, Hydrodynamics, sections 114-115. Translations are in the world frame, so along the
    ground the mean of the long and the short axis stands for every heading.
    """
    a, b, _ = model.geom(envelope).size
    displaced = model.opt.density * 4.0 / 3.0 * math.pi * a * b * b
    e = math.sqrt(1.0 - (b / a) ** 2)
    log = math.log((1.0 + e) / (1.0 - e))
    alpha = 2.0 * (1.0 - e**2) / e**3 * (0.5 * log - e)
    beta = 1.0 / e**2 - (1.0 - e**2) / (2.0 * e**3) * log
    along, across = alpha / (2.0 - alpha), beta / (2.0 - beta)
    gap = beta - alpha
    turning = e**4 * gap / ((2.0 - e**2) * (2.0 * e**2 - (2.0 - e**2) * gap))
    level = 0.5 * (along + across) * displaced
    spin = turning * displaced * (a**2 + b**2) / 5.0
    return np.array([level, level, across * displaced, 0.0, spin, spin])


def build(order: Order) -> Blimp:
    """As missions order it; see `spikeloop_sim.robots`."""
    if not order.world:
        return Blimp(build_config(BlimpConfig, order.parameters, order.owner))
    from spikeloop_sim.hall_blimp import HALL_SENSORS, HallBlimp, HallBlimpConfig

    config = build_config(HallBlimpConfig, order.parameters, order.owner)
    return HallBlimp(
        config, HALL_SENSORS, world_name=order.world, world_parameters=dict(order.world_parameters)
    )
