"""A robot for the world `route`: a camera on a mast, a lane sensor, and it can be carried off.

It is `diff_drive` with a taller mast. `observation` says where it is in its lane, as a lane camera
would, but not where on the route: what drives it knows nothing that place recognition should find
out. When it comes to the place `carried_from` it is put down at `carried_to`, once, and neither its
odometry nor its commands notice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spikeloop.parameters import build_config, parameter
from spikeloop_sim.diff_drive import IMAGE, DiffDrive
from spikeloop_sim.diff_drive_body import OPTICAL, Body, standard
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.lane import Lane
from spikeloop_sim.robot import Frame, Reading, SensorSpec, VectorReading, random_stream
from spikeloop_sim.robots import Order
from spikeloop_sim.worlds.catalogue import TEST

ROBOT = "route_rover"
WORLD = "route"
LANE, LANE_TICKS = "observation", 10
LABELS = ("lane_offset", "heading_error", "curvature")
"""m to the left of the lane's middle; rad; 1/m, to the left."""
CAMERA_M, PITCH_RAD = 1.3, 0.04
"""Height of the cameras above the ground, and how far they look up."""
OFFSET_NOISE_M, HEADING_NOISE_RAD = 0.02, 0.005


@dataclass(frozen=True)
class RouteRoverConfig:
    """What it carries, and how it is carried off."""

    speed: float = parameter(3.0, "Largest speed forward.", unit="m/s", low=0.1, high=3.0)
    camera_width: int = parameter(128, "Columns of the frame camera.", low=16, high=1280)
    camera_height: int = parameter(96, "Rows of the frame camera.", low=16, high=960)
    field_deg: float = parameter(
        80.0, "Horizontal field of the cameras.", unit="deg", low=20.0, high=140.0
    )
    picture_period: float = parameter(
        0.2, "Time between two pictures.", unit="s", low=0.02, high=2.0
    )
    event_camera: bool = parameter(False, "Whether there is an event camera at the same place.")
    carried_from: int = parameter(-1, "Place at which it is carried off; -1 for nowhere.", low=-1)
    carried_to: int = parameter(0, "Place at which it is put down.", low=0)


class RouteRover(DiffDrive):
    """The robot; see the module. Its truth has more: see `truth`."""

    def __init__(
        self,
        config: RouteRoverConfig | None = None,
        world_parameters: dict[str, object] | None = None,
        first_world_seed: int = TEST,
    ) -> None:
        """Describe the robot; errors as `DiffDrive`."""
        self.rover = config or RouteRoverConfig()
        rover = self.rover
        drive = DiffDriveConfig(
            speed=rover.speed,
            lidar="none",
            event_camera=rover.event_camera,
            camera_width=rover.camera_width,
            camera_height=rover.camera_height,
            field_deg=rover.field_deg,
        )
        super().__init__(drive, WORLD, world_parameters, first_world_seed, body=_on_a_mast())
        ticks = max(round(rover.picture_period / self.tick_s), 1)
        found = [
            replace(spec, period_ticks=ticks) if spec.topic == IMAGE else spec
            for spec in self.sensors
        ]
        self.sensors = (SensorSpec(LANE, "vector", LANE_TICKS, "base_link"), *found)

    def reset(self, seed: int) -> None:
        """Begin at the route's first place; see `Robot.reset`."""
        self._noise = random_stream(seed, LANE)
        self._lane: Lane | None = None
        self._carried = 0
        self._carried_at = self._way_before = self._gone = 0.0
        super().reset(seed)

    @property
    def lane(self) -> Lane:
        """The lane of the present world."""
        if self._lane is None:
            self._lane = Lane(self.world.scene.route)
        return self._lane

    def step(self, command: NDArray[np.float64]) -> None:
        """Advance by 10 ms; carried off first, if it has come there."""
        x, y, _, yaw = self.world.pose()
        point = self.lane.at(x, y, yaw)
        self._gone += math.remainder(point.way - self._way_before, self.lane.length)
        self._way_before = point.way
        start = self.rover.carried_from
        if not self._carried and 0 <= start <= point.place:
            self._carry(self.rover.carried_to)
        super().step(command)

    def truth(self) -> dict[str, float]:
        """As `DiffDrive.truth`, and beside it.

        Returns:
            place (number along the route, with fraction), aside (m to the left of the lane's
            middle), carried (how often it was carried off), gone (m driven along the lane),
            gone_carried (m of it when it was last carried off).

        """
        truth = super().truth()
        point = self.lane.at(truth["x"], truth["y"], truth["yaw"])
        return truth | {
            "place": point.place,
            "aside": point.offset,
            "carried": float(self._carried),
            "gone": self._gone,
            "gone_carried": self._carried_at,
        }

    def _carry(self, place: int) -> None:
        """Put it down elsewhere, with its speed, its wheels as they turn."""
        route = self.world.scene.route
        x, y, yaw = route[place % len(route)].tolist()
        data, before = self.world.data, self.world.pose()[3]
        turn = Rotation.from_euler("z", yaw - before)
        quaternion = (turn * Rotation.from_quat(data.qpos[[4, 5, 6, 3]])).as_quat()
        data.qpos[:2] = x, y
        data.qpos[3:7] = quaternion[[3, 0, 1, 2]]
        # Of a free joint, the velocity is the world's and the rates are the body's.
        data.qvel[:3] = turn.apply(data.qvel[:3])
        mujoco.mj_forward(self.world.model, data)
        if self._event_eye is not None:
            # It was covered on the way; else its events would be of a flight across the town.
            self._event_eye.begin_anew()
        self._velocity_before = self.world.point_velocity()
        self._carried, self._carried_at = self._carried + 1, self._gone
        self._way_before = self.lane.at(x, y, yaw).way

    def _sample(self, spec: SensorSpec) -> Reading | None:
        if spec.topic != LANE:
            return super()._sample(spec)
        x, y, _, yaw = self.world.pose()
        point = self.lane.at(x, y, yaw)
        noise = self._noise.standard_normal(2)
        return VectorReading(
            LABELS,
            (
                point.offset + OFFSET_NOISE_M * float(noise[0]),
                point.heading_error + HEADING_NOISE_RAD * float(noise[1]),
                point.curvature,
            ),
        )


def optical_turn() -> tuple[float, float, float, float]:
    """Orientation of the cameras in base_link, quaternion x, y, z, w."""
    up = Rotation.from_euler("y", -PITCH_RAD) * Rotation.from_quat(OPTICAL)
    x, y, z, w = up.as_quat().tolist()
    return x, y, z, w


def _on_a_mast() -> Body:
    body = standard()
    cameras = ("event_camera_optical_frame", "camera_optical_frame")
    frames = [
        Frame(f.parent, f.name, (0.0, 0.0, CAMERA_M), optical_turn()) if f.name in cameras else f
        for f in body.frames
    ]
    mast = (
        int(mujoco.mjtGeom.mjGEOM_CYLINDER),
        (0.02, 0.45 * CAMERA_M),
        (-0.06, 0.0, 0.5 * CAMERA_M),
        (1.0, 0.0, 0.0, 0.0),
    )
    # Its description in URDF would be that of the robot without the mast, so it has none.
    return replace(body, shapes=(*body.shapes, mast), frames=tuple(frames), description="")


def build(order: Order) -> RouteRover:
    """As missions order it.

    Raises:
        ParameterError: a parameter that the robot or the world doesn't have.
        ValueError: another world than `route`.

    """
    if order.world not in ("", WORLD):
        raise ValueError(f"{order.owner}drives in the world '{WORLD}', not in '{order.world}'")
    config = build_config(RouteRoverConfig, order.parameters, order.owner)
    return RouteRover(config, dict(order.world_parameters))
