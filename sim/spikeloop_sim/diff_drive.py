"""A differential-drive robot in any world, in MuJoCo, driven by `cmd_vel`.

Its base limits speeds and their change; its wheels turn as servos make them, and hold the ground by
friction that is drawn for each wheel and episode, so they slip where that doesn't suffice. Odometry
knows the wheels' angles alone.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import build_config
from spikeloop_sim.diff_drive_body import Body, standard
from spikeloop_sim.diff_drive_cameras import EventEye, FrameEye, TruthEye, lens_of, told_lens
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.diff_drive_world import DiffDriveWorld, clearance
from spikeloop_sim.event_camera.optics import Pose, Twist
from spikeloop_sim.imu import AllanImu, ImuConfig
from spikeloop_sim.lidar import Lidar
from spikeloop_sim.lidar_config import LidarConfig
from spikeloop_sim.odometry import WheelOdometry
from spikeloop_sim.robot import (
    TWIST,
    CloudReading,
    CommandKind,
    ContactReading,
    EventsReading,
    Frame,
    ImageReading,
    JointReading,
    Reading,
    SensorSpec,
    Surroundings,
    TruthReading,
    no_such_topic,
    random_stream,
)
from spikeloop_sim.robots import Order
from spikeloop_sim.true_view import TRUTH
from spikeloop_sim.worlds.catalogue import TEST, make_scene, world

ROBOT = "diff_drive"
USUAL_WORLD = "corridor"
EVENTS, IMAGE, POINTS = "event_camera/events", "camera/image_raw", "lidar/points"
LIDAR_TICKS, EVENT_TICKS, IMAGE_TICKS = 10, 2, 20
GRAVITY = 9.81
STANDING_TICKS = 100


def sensors_of(config: DiffDriveConfig, root: str) -> tuple[SensorSpec, ...]:
    """All sensors of a robot with a root link, the fast and light ones first."""
    found = [
        SensorSpec("imu/data", "imu", 1, "imu_link"),
        SensorSpec("odom", "odometry", 2, "odom"),
        SensorSpec("joint_states", "joints", 2, root),
        SensorSpec("contact", "contact", 5, root),
    ]
    if config.lidar != "none":
        found.append(SensorSpec(POINTS, "cloud", LIDAR_TICKS, "lidar_link"))
    if config.event_camera:
        frame = "event_camera_optical_frame"
        found.append(SensorSpec("event_camera/camera_info", "camera_info", 0, frame))
        found.append(SensorSpec(EVENTS, "events", EVENT_TICKS, frame, costly=True))
        period = EVENT_TICKS * config.truth
        found += [SensorSpec(name, "truth", period, frame) for name in TRUTH if config.truth]
    if config.camera:
        frame = "camera_optical_frame"
        found.append(SensorSpec("camera/camera_info", "camera_info", 0, frame))
        found.append(SensorSpec(IMAGE, "image", IMAGE_TICKS, frame, costly=True))
    return tuple(found)


class DiffDrive:
    """The robot as a `Robot`; its world is made by `reset` from the seed.

    A mission's seed s makes the world of the seed 1,000,000 + s, one of the test split, unless the
    world's seeds are taken from another split by `first_world_seed`.
    """

    tick_s = 0.01
    command_kind: CommandKind = "cmd_vel"
    actuator_names = TWIST

    def __init__(
        self,
        config: DiffDriveConfig | None = None,
        world_name: str = USUAL_WORLD,
        world_parameters: dict[str, object] | None = None,
        first_world_seed: int = TEST,
        body: Body | None = None,
    ) -> None:
        """Describe the robot; the world waits for `reset`, and without a `body` it is `standard`.

        Raises:
            ValueError: there is no such world, or it has no such parameter.

        """
        self.config = config or DiffDriveConfig()
        self.body = body or standard()
        self.sensors = sensors_of(self.config, self.body.root)
        self._world_name, self._world_parameters = world_name, dict(world_parameters or {})
        build_config(world(world_name).Config, self._world_parameters, f"world '{world_name}': ")
        self._first_world_seed = first_world_seed
        self._joints = tuple(wheel.joint for wheel in self.body.wheels)
        self._left_out: frozenset[str] = frozenset()
        self._world: DiffDriveWorld | None = None
        self._event_eye: EventEye | None = None
        self._frame_eye: FrameEye | None = None
        self._truth_eye: TruthEye | None = None
        self._lidar: Lidar | None = None

    # --- what it is ----------------------------------------------------------------------------

    @property
    def safe_command(self) -> NDArray[np.float64]:
        """Stand still, (6,)."""
        return np.zeros(len(TWIST))

    @property
    def frames(self) -> tuple[Frame, ...]:
        """See `EmbodiedRobot.frames`."""
        return self.body.frames

    @property
    def description(self) -> str:
        """Its URDF."""
        return self.body.description

    @property
    def world(self) -> DiffDriveWorld:
        """The world of the episode.

        Raises:
            RuntimeError: no episode has begun.

        """
        if self._world is None:
            raise RuntimeError("reset the robot first: its world comes from the seed")
        return self._world

    @property
    def surroundings(self) -> Surroundings | None:
        """See `EmbodiedRobot.surroundings`."""
        return None if self._world is None else self._world.surroundings

    @property
    def time_s(self) -> float:
        """Time since the reset, s."""
        return self._tick * self.tick_s

    def leave_out(self, topics: Collection[str]) -> None:
        """Don't simulate these sensors, from the next reset on."""
        self._left_out = frozenset(topics)

    # --- episodes ------------------------------------------------------------------------------

    def reset(self, seed: int) -> None:
        """Make the world and start an episode in it; see `Robot.reset`."""
        random = random_stream(seed, "diff_drive")
        number = self._first_world_seed + seed
        if self._world is None or self._world.scene.seed != number:
            self.close()
            scene = make_scene(self._world_name, number, self._world_parameters)
            self._world = DiffDriveWorld(scene, self.config, self.body)
        world, config = self._world, self.config
        world.reset(random.uniform(config.grip_low, config.grip_high, 2))
        errors = random.standard_normal(3)
        radii = self.body.radius * (1.0 + config.radius_error * errors[:2])
        x, y, _, yaw = world.pose()
        self._odometry = WheelOdometry(
            (float(radii[0]), float(radii[1])),
            self.body.track * (1.0 + config.track_error * float(errors[2])),
            config.encoder_steps,
            (x, y, yaw),
        )
        self._imu = AllanImu(ImuConfig(), self.tick_s, random_stream(seed, "imu/data"))
        self._velocity_before = world.point_velocity()
        # Before it starts it has stood for a moment, and knows its gyroscope's bias since.
        self._imu_mount = mount = world.mount("imu_link")
        still = (np.zeros(3), mount.T @ np.array([0.0, 0.0, GRAVITY]))
        at_rest = [self._imu.sample(*still).angular_velocity for _ in range(STANDING_TICKS)]
        self._gyro_bias = float(np.mean([mount[2] @ rates for rates in at_rest]))
        self._rates = self._imu.sample(*still)
        self._wanted = (0.0, 0.0)
        self._touched = False
        self.collisions = 0
        self._tick = 0
        self._place_sensors(seed)
        self._samples: dict[str, Reading] = {}
        self._sense()

    def _place_sensors(self, seed: int) -> None:
        config, world = self.config, self.world
        lux, model = world.scene.lux, world.model
        self._close_eyes()
        if config.lidar != "none" and POINTS not in self._left_out:
            visibility = world.scene.visibility_m
            lidar = LidarConfig(
                kind=config.lidar,
                rows=config.lidar_rows,
                columns=config.lidar_columns,
                up_deg=config.lidar_up_deg,
                down_deg=config.lidar_down_deg,
                rate=1.0 / (LIDAR_TICKS * self.tick_s),
                rain=config.rain,
                visibility=visibility if math.isfinite(visibility) else 0.0,
            )
            self._lidar = Lidar(model, world.labels.geom_infrared, lidar, seed)
        if config.event_camera and EVENTS not in self._left_out:
            pose = Pose(*world.sensor_pose("event_camera_optical_frame"))
            self._event_eye = EventEye(model, world.data, pose, config, lux, seed)
        if config.truth:
            self._truth_eye = TruthEye(world, config)
        if config.camera and IMAGE not in self._left_out:
            self._frame_eye = FrameEye(model, config, lux, seed)

    def step(self, command: NDArray[np.float64]) -> None:
        """Advance by 10 ms; forward speed and turn rate count, the other elements don't."""
        if np.shape(command) != (len(TWIST),):
            raise ValueError(
                f"a command has one value for each of {', '.join(TWIST)}; "
                f"this one has the shape {np.shape(command)}"
            )
        values: list[float] = np.asarray(command).tolist()
        for name, value in zip(TWIST, values, strict=True):
            if not math.isfinite(value):
                raise ValueError(f"the command for '{name}' is {value}; it must be finite")
        speed, turn = self._limited(values[0], values[5])
        half, radius = 0.5 * self.body.track, self.body.radius
        rates = ((speed - half * turn) / radius, (speed + half * turn) / radius)
        self._tick += 1
        began = self.world.advance(rates, self.time_s)
        self.collisions += began
        self._touched = self._touched or self.world.touching
        mount = self._imu_mount
        self._rates = self._imu.sample(mount.T @ self.world.twist()[1], self._specific_force())
        # The base turns about its own axis, however the IMU is mounted.
        heading = float(mount[2] @ self._rates.angular_velocity) - self._gyro_bias
        gyro = heading if self.config.odometry_gyro else None
        self._odometry.update(*self.world.wheel_angles(), self.tick_s, gyro)
        self._sense()

    def _limited(self, speed: float, turn: float) -> tuple[float, float]:
        """What the base makes of wanted velocities."""
        c, (before, turn_before) = self.config, self._wanted
        speed = min(max(speed, -c.speed_back), c.speed)
        turn = min(max(turn, -c.turn_rate), c.turn_rate)
        step, turn_step = c.acceleration * self.tick_s, c.turn_acceleration * self.tick_s
        self._wanted = (
            min(max(speed, before - step), before + step),
            min(max(turn, turn_before - turn_step), turn_before + turn_step),
        )
        return self._wanted

    def read(self, topic: str) -> Reading:
        """The newest sample; see `Robot.read`."""
        try:
            return self._samples[topic]
        except KeyError:
            raise no_such_topic(topic, self.sensors) from None

    def truth(self) -> dict[str, float]:
        """The true state now.

        Returns:
            x, y, z of base_link (m, in `map`), yaw (rad), speed (m/s, forward), turn_rate (rad/s),
            clearance (m from the hull to the nearest thing that stands in the way, at most 5),
            collisions (how often something was bumped into), touching (1 or 0), odometry_error
            (m between where odometry says that it is and where it is), slip (m/s, mean of the
            wheels, of their rims over the ground).

        """
        world = self.world
        x, y, z, yaw = world.pose()
        velocity, rates = world.twist()
        half = 0.5 * self.body.track
        rims = [self.body.radius * rate for rate in world.wheel_rates()]
        speeds = (velocity[0] - half * rates[2], velocity[0] + half * rates[2])
        slip = float(sum(abs(r - v) for r, v in zip(rims, speeds, strict=True))) / 2.0
        told = self._odometry.pose
        return {
            "x": x,
            "y": y,
            "z": z,
            "yaw": yaw,
            "speed": float(velocity[0]),
            "turn_rate": float(rates[2]),
            "clearance": clearance(world),
            "collisions": float(self.collisions),
            "touching": float(world.touching),
            "odometry_error": math.hypot(told[0] - x, told[1] - y),
            "slip": slip,
        }

    def close(self) -> None:
        """Free the renderers."""
        self._close_eyes()

    def _close_eyes(self) -> None:
        for eye in (self._event_eye, self._frame_eye, self._truth_eye):
            if eye is not None:
                eye.close()
        self._event_eye = self._frame_eye = self._truth_eye = None
        self._lidar = None

    # --- senses --------------------------------------------------------------------------------

    def _sense(self) -> None:
        """Take the samples that have fallen due."""
        self._roll_lidar()
        self._look()
        for spec in self.sensors:
            if spec.topic in self._left_out:
                continue
            if self._tick % spec.period_ticks if spec.period_ticks else self._tick:
                continue
            if (sample := self._sample(spec)) is not None:
                self._samples[spec.topic] = sample

    def _sample(self, spec: SensorSpec) -> Reading | None:
        world, config = self.world, self.config
        if spec.kind == "imu":
            return self._rates
        if spec.kind == "odometry":
            return self._odometry.reading(self.body.root)
        if spec.kind == "joints":
            return JointReading(self._joints, world.wheel_angles(), world.wheel_rates())
        if spec.kind == "contact":
            touched, self._touched = self._touched, world.touching
            return ContactReading(touched)
        if spec.kind == "events" and self._event_eye is not None:
            return EventsReading(self._event_eye.take())
        if spec.kind == "image" and self._frame_eye is not None:
            pose, twist = world.sensor_pose(spec.frame_id), world.sensor_twist(spec.frame_id)
            time_us = round(1e6 * self.time_s)
            pixels = self._frame_eye.take(world.data, Pose(*pose), Twist(*twist), time_us)
            return ImageReading(pixels)
        if spec.kind == "truth" and self._truth_eye is not None:
            return TruthReading(spec.topic, self._truth_eye.look(self.time_s))
        if spec.kind == "camera_info":
            event = spec.topic.startswith("event_camera")
            width = config.event_width if event else config.camera_width
            height = config.event_height if event else config.camera_height
            return told_lens(lens_of(width, height, config.field_deg))
        return None

    def _roll_lidar(self) -> None:
        if self._lidar is None:
            return
        phase = self._tick % LIDAR_TICKS
        part = phase / LIDAR_TICKS if phase and self.config.lidar_rolls else float(not phase)
        if part == 0.0:
            return
        position, rotation = self.world.sensor_pose("lidar_link")
        scan = self._lidar.roll(self.world.data, position, rotation, part)
        if scan is not None:
            self._samples[POINTS] = CloudReading(scan)

    def _look(self) -> None:
        if self._event_eye is None:
            return
        now_us, step_us = round(1e6 * self.time_s), round(1e6 * self.tick_s)
        pose = Pose(*self.world.sensor_pose("event_camera_optical_frame"))
        due = self._tick % EVENT_TICKS == 0
        self._event_eye.look(self.world.data, pose, now_us, now_us + step_us, due)

    def _specific_force(self) -> NDArray[np.float64]:
        """Mean over the last tick, as an IMU integrates it, in the IMU's frame."""
        velocity = self.world.point_velocity()
        felt = (velocity - self._velocity_before) / self.tick_s
        self._velocity_before = velocity
        felt[2] += GRAVITY
        force: NDArray[np.float64] = self.world.sensor_pose("imu_link")[1].T @ felt
        return force


def build(order: Order) -> DiffDrive:
    """As missions order it; see `spikeloop_sim.robots`."""
    config = build_config(DiffDriveConfig, order.parameters, order.owner)
    return DiffDrive(replace(config), order.world or USUAL_WORLD, dict(order.world_parameters))
