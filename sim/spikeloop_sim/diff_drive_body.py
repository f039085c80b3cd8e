"""The body of the differential-drive robot: links and frames, for MuJoCo and as URDF.

base_link is on the ground between the wheels. Both descriptions are written from the numbers here.
"""

from __future__ import annotations

import math

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
_OPTICAL = (-0.5, 0.5, -0.5, 0.5)
FRAMES = (
    Frame("map", "odom"),
    Frame("base_link", "imu_link", (0.0, 0.0, HEIGHT)),
    Frame("base_link", "lidar_link", (0.0, 0.0, MAST_TOP + 0.03)),
    Frame("base_link", "event_camera_optical_frame", (HALF[0], 0.0, 0.21), _OPTICAL),
    Frame("base_link", "camera_optical_frame", (HALF[0], 0.0, 0.21), _OPTICAL),
)
"""Odometry begins where the robot starts in the map, so `odom` and `map` are one to begin with."""
_GROUND = {"condim": 1, "friction": [0.0, 0.0, 0.0], "priority": 1}
_SPIN_STIFFNESS = 4.0


def add_body(
    spec: mujoco.MjSpec,
    position: tuple[float, ...],
    quaternion: tuple[float, ...],
    config: DiffDriveConfig,
) -> None:
    """Add the robot to a world, at a pose of base_link (quaternion w, x, y, z).

    Friction of the wheels is left at 1; the robot sets it for each episode.
    """
    x, y, z = position
    base = spec.worldbody.add_body(name="base_link", pos=(x, y, z), quat=quaternion)
    base.add_freejoint(name="base_joint")
    kinds = mujoco.mjtGeom
    base.add_geom(
        name="chassis",
        type=kinds.mjGEOM_BOX,
        size=HALF,
        pos=(-0.02, 0.0, HEIGHT),
        mass=MASS,
        rgba=(0.2, 0.25, 0.3, 1.0),
    )
    half_mast = 0.5 * (MAST_TOP - HEIGHT - HALF[2])
    base.add_geom(
        name="mast",
        type=kinds.mjGEOM_CYLINDER,
        size=(0.045, half_mast, 0.0),
        pos=(0.0, 0.0, MAST_TOP - half_mast),
        mass=0.5,
        rgba=(0.1, 0.1, 0.1, 1.0),
    )
    for name, along, lift in (("rear", -0.17, 0.0), ("front", 0.17, 0.004)):
        base.add_geom(
            name=f"caster_{name}",
            type=kinds.mjGEOM_SPHERE,
            size=(CASTER, 0.0, 0.0),
            pos=(along, 0.0, CASTER + lift),
            mass=0.1,
            **_GROUND,
        )
    for side, name in ((1.0, "left"), (-1.0, "right")):
        _add_wheel(spec, base, name, 0.5 * side * TRACK, config)


def _add_wheel(
    spec: mujoco.MjSpec, base: mujoco.MjsBody, name: str, y: float, config: DiffDriveConfig
) -> None:
    wheel = base.add_body(name=f"wheel_{name}_link", pos=(0.0, y, RADIUS))
    wheel.add_joint(
        name=f"wheel_{name}_joint", type=mujoco.mjtJoint.mjJNT_HINGE, axis=(0.0, 1.0, 0.0),
        armature=0.01,
    )  # fmt: skip
    wheel.add_geom(
        name=f"wheel_{name}",
        # Rounded like a tyre: one point of contact, which doesn't jump.
        type=mujoco.mjtGeom.mjGEOM_ELLIPSOID,
        size=(RADIUS, 0.5 * TYRE, RADIUS),
        mass=WHEEL_MASS,
        condim=3,
        friction=(1.0, 0.005, 0.0001),
        priority=1,
        rgba=(0.05, 0.05, 0.05, 1.0),
    )
    motor = spec.add_actuator(
        name=f"wheel_{name}_motor",
        target=f"wheel_{name}_joint",
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        gaintype=mujoco.mjtGain.mjGAIN_FIXED,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
    )
    motor.gainprm[0] = _SPIN_STIFFNESS
    motor.biasprm[2] = -_SPIN_STIFFNESS
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
        rpy = "-1.570796 0 -1.570796" if frame.orientation == _OPTICAL else "0 0 0"
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
