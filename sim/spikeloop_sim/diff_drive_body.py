"""The body of the differential-drive robot: links and frames, for MuJoCo and as URDF.

base_link is on the ground between the wheels. Both descriptions are written from the numbers here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco

from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.robot import Frame

RADIUS, TRACK, TYRE = 0.08, 0.36, 0.04
"""Of a wheel, between the wheels' middles, and width of a wheel, m."""
HALF = (0.20, 0.15, 0.06)
"""Half extents of the chassis, m."""
HEIGHT = 0.14
"""Of the chassis's centre, m."""
MAST_TOP = 0.30
REACH = 0.25
"""Radius of a circle around base_link that holds the robot, m."""
MASS, WHEEL_MASS = 10.0, 0.8
CASTER = 0.025
JOINTS = ("wheel_left_joint", "wheel_right_joint")
OPTICAL = (-0.5, 0.5, -0.5, 0.5)
FRAMES = (
    Frame("map", "odom"),
    Frame("base_link", "imu_link", (0.0, 0.0, HEIGHT)),
    Frame("base_link", "lidar_link", (0.0, 0.0, MAST_TOP + 0.03)),
    Frame("base_link", "event_camera_optical_frame", (HALF[0], 0.0, 0.21), OPTICAL),
    Frame("base_link", "camera_optical_frame", (HALF[0], 0.0, 0.21), OPTICAL),
)
"""Odometry begins where the robot starts in the map, so `odom` and `map` are one to begin with."""
_SPIN_STIFFNESS = 100.0
"""1/s: how fast a servo makes good an error of the wheel's rate, by what it moves."""


@dataclass(frozen=True)
class Wheel:
    """A driven wheel: joint, link, where its middle is in the root's frame, m; kg."""

    joint: str
    link: str
    position: tuple[float, float, float]
    radius: float
    width: float
    mass: float


@dataclass(frozen=True)
class Body:
    """A robot on two driven wheels, as far as the simulation goes.

    Attributes:
        root: name of the link to which all is fixed.
        shapes: (MuJoCo's type, size, position, quaternion w, x, y, z) in the root's frame.
        mass: of all but the wheels, kg.
        centre: of that mass, m.
        wheels: left and right.
        lift: height of the root above the ground, m.
        frames: where sensors are, for /tf_static.
        hull: half length and half width of a rectangle about the root that holds the robot, m.
        description: URDF.

    """

    root: str
    shapes: tuple[tuple[int, tuple[float, ...], tuple[float, ...], tuple[float, ...]], ...]
    mass: float
    centre: tuple[float, float, float]
    wheels: tuple[Wheel, Wheel]
    lift: float
    frames: tuple[Frame, ...]
    hull: tuple[float, float]
    description: str

    @property
    def radius(self) -> float:
        """Mean of the wheels', m."""
        return 0.5 * (self.wheels[0].radius + self.wheels[1].radius)

    @property
    def track(self) -> float:
        """Between the wheels' middles, m."""
        return self.wheels[0].position[1] - self.wheels[1].position[1]


def standard() -> Body:
    """The robot of this project."""
    kinds, level = mujoco.mjtGeom, (1.0, 0.0, 0.0, 0.0)
    half_mast = 0.5 * (MAST_TOP - HEIGHT - HALF[2])
    box, tube, ball = (
        int(kind) for kind in (kinds.mjGEOM_BOX, kinds.mjGEOM_CYLINDER, kinds.mjGEOM_SPHERE)
    )
    left, right = (
        Wheel(f"wheel_{n}_joint", f"wheel_{n}_link", (0.0, y, RADIUS), RADIUS, TYRE, WHEEL_MASS)
        for n, y in (("left", 0.5 * TRACK), ("right", -0.5 * TRACK))
    )
    return Body(
        root="base_link",
        shapes=(
            (box, HALF, (-0.02, 0.0, HEIGHT), level),
            (tube, (0.045, half_mast), (0.0, 0.0, MAST_TOP - half_mast), level),
            (ball, (CASTER,), (-0.17, 0.0, CASTER), level),
            (ball, (CASTER,), (0.17, 0.0, CASTER + 0.004), level),
        ),
        mass=MASS + 0.7,
        centre=(-0.02, 0.0, HEIGHT),
        wheels=(left, right),
        lift=0.0,
        frames=FRAMES,
        hull=(HALF[0] + 0.02, 0.5 * (TRACK + TYRE)),
        description=description(),
    )


def add_body(
    spec: mujoco.MjSpec,
    body: Body,
    position: tuple[float, ...],
    quaternion: tuple[float, ...],
    config: DiffDriveConfig,
) -> None:
    """Add the robot to a world, its wheels' ground point at a pose (quaternion w, x, y, z).

    Its geoms are called `robot 0` and on, the wheels' `wheel 0` and `wheel 1`. Friction of the
    wheels is left at 1; the robot sets it for each episode.
    """
    x, y, z = position
    base = spec.worldbody.add_body(name=body.root, pos=(x, y, z + body.lift), quat=quaternion)
    base.add_freejoint(name="base_joint")
    for index, (kind, size, at, turn) in enumerate(body.shapes):
        base.add_geom(
            name=f"robot {index}",
            type=mujoco.mjtGeom(kind),
            size=[*size, 0.0, 0.0][:3],
            pos=at,
            quat=turn,
            mass=0.0,
            rgba=(0.2, 0.25, 0.3, 1.0),
            # What slides on the ground, such as a caster, slides without friction.
            condim=1,
            friction=(0.0, 0.0, 0.0),
            priority=1,
        )
    length, width = body.hull
    base.explicitinertial = True
    base.mass, base.ipos = body.mass, body.centre
    base.inertia = [
        body.mass / 3.0 * (width**2 + 0.01),
        body.mass / 3.0 * (length**2 + 0.01),
        body.mass / 3.0 * (length**2 + width**2),
    ]
    for index, wheel in enumerate(body.wheels):
        _add_wheel(spec, base, index, wheel, config)


def _add_wheel(
    spec: mujoco.MjSpec, base: mujoco.MjsBody, index: int, wheel: Wheel, config: DiffDriveConfig
) -> None:
    link = base.add_body(name=wheel.link, pos=wheel.position)
    size = wheel.mass * wheel.radius**2
    link.add_joint(
        name=wheel.joint,
        type=mujoco.mjtJoint.mjJNT_HINGE,
        axis=(0.0, 1.0, 0.0),
        # The motor and its gear, which are heavier to turn than the wheel.
        armature=2.0 * size,
    )
    link.add_geom(
        name=f"wheel {index}",
        # Rounded like a tyre: one point of contact, which doesn't jump.
        type=mujoco.mjtGeom.mjGEOM_ELLIPSOID,
        size=(wheel.radius, 0.5 * wheel.width, wheel.radius),
        mass=wheel.mass,
        condim=3,
        friction=(1.0, 0.005, 0.0001),
        priority=1,
        rgba=(0.05, 0.05, 0.05, 1.0),
    )
    motor = spec.add_actuator(
        name=f"{wheel.joint}_motor",
        target=wheel.joint,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        gaintype=mujoco.mjtGain.mjGAIN_FIXED,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
    )
    # A servo of the wheel's rate, as stiff as suits what it moves.
    stiffness = _SPIN_STIFFNESS * wheel.radius**2 * 0.5 * (base.mass + 2.0 * wheel.mass)
    motor.gainprm[0] = stiffness
    motor.biasprm[2] = -stiffness
    motor.forcelimited = True
    motor.forcerange = (-config.motor_torque, config.motor_torque)


def description() -> str:
    """The robot as URDF, of simple shapes."""
    chassis = " ".join(f"{2.0 * half:g}" for half in HALF)
    turn = f"{0.5 * math.pi:.6f} 0 0"
    tyre = f'<cylinder radius="{RADIUS:g}" length="{TYRE:g}"/>'
    parts = [_link("base_link", f'<box size="{chassis}"/>', MASS, f"-0.02 0 {HEIGHT:g}", "0 0 0")]
    for side, name in ((1.0, "left"), (-1.0, "right")):
        at = f"0 {0.5 * side * TRACK:g} {RADIUS:g}"
        parts.append(_link(f"wheel_{name}_link", tyre, WHEEL_MASS, "0 0 0", turn))
        parts.append(
            f'<joint name="wheel_{name}_joint" type="continuous"><parent link="base_link"/>'
            f'<child link="wheel_{name}_link"/><origin xyz="{at}"/><axis xyz="0 1 0"/></joint>'
        )
    for frame in FRAMES:
        if frame.parent != "base_link":
            continue
        at = " ".join(f"{value:g}" for value in frame.position)
        rpy = "-1.570796 0 -1.570796" if frame.orientation == OPTICAL else "0 0 0"
        parts.append(
            f'<link name="{frame.name}"/><joint name="{frame.name}_joint" type="fixed">'
            f'<parent link="base_link"/><child link="{frame.name}"/>'
            f'<origin xyz="{at}" rpy="{rpy}"/></joint>'
        )
    return f'<?xml version="1.0"?><robot name="diff_drive">{"".join(parts)}</robot>'


def _link(name: str, shape: str, mass: float, xyz: str, rpy: str) -> str:
    origin = f'<origin xyz="{xyz}" rpy="{rpy}"/>'
    inertia = 0.01 * mass
    return (
        f'<link name="{name}"><visual>{origin}<geometry>{shape}</geometry></visual>'
        f"<collision>{origin}<geometry>{shape}</geometry></collision>"
        f'<inertial>{origin}<mass value="{mass:g}"/><inertia ixx="{inertia:g}" ixy="0" ixz="0" '
        f'iyy="{inertia:g}" iyz="0" izz="{inertia:g}"/></inertial></link>'
    )
