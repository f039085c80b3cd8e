"""A robot as somebody's file describes it, and what of it can be simulated.

Readers of URDF and SDF give a `RobotModel`; `body_of` makes the body of a differential-drive robot
of it. What counts is what is simulated: collision shapes, masses, two wheels and where sensors are.
All links that hang on fixed joints are one body with the root; a joint that is neither fixed nor a
driven wheel is held where it is. All that is replaced or left out is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.diff_drive_body import OPTICAL, Body
from spikeloop_sim.model_files.parts import Form, ModelFileError, Parts
from spikeloop_sim.model_files.transforms import Transform, quaternion_of
from spikeloop_sim.robot import Frame
from spikeloop_sim.robot_wheels import Drive, driven_wheels

MISSING_M = 0.1
"""Side of a box in place of a mesh that isn't there."""
JointKind = Literal["fixed", "turning", "other"]
CAMERAS = ("event_camera", "camera")
_BY_NAME = {"imu": ("imu",), "lidar": ("scan", "lidar", "laser")}
_KINDS = mujoco.mjtGeom
_TYPES = {
    "box": int(_KINDS.mjGEOM_BOX),
    "cylinder": int(_KINDS.mjGEOM_CYLINDER),
    "capsule": int(_KINDS.mjGEOM_CAPSULE),
    "sphere": int(_KINDS.mjGEOM_SPHERE),
}


@dataclass
class Link:
    """A link.

    Attributes:
        shapes: (MuJoCo's type, size, pose in the link) of what collides.
        mass: kg.
        centre: of the mass, (3,) m, in the link.
        pose: in the root's frame, known once the tree is.
        movable: name of the joint that could move it; empty where that is fixed.

    """

    shapes: list[tuple[int, tuple[float, ...], Transform]] = field(default_factory=list)
    mass: float = 0.0
    centre: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    pose: Transform = field(default_factory=lambda: np.eye(4))
    movable: str = ""


@dataclass(frozen=True)
class Joint:
    """A joint; `pose` is the child link's in the parent, `axis` is (3,) in the child's frame."""

    name: str
    kind: JointKind
    parent: str
    child: str
    pose: Transform
    axis: NDArray[np.float64]


@dataclass(frozen=True)
class Mount:
    """Where the file says that a sensor is: its link, and its pose there; cameras look along x."""

    link: str
    pose: Transform


@dataclass
class RobotModel:
    """A robot as read.

    Attributes:
        file: where it is from.
        links: by name.
        joints: between them.
        drive: what a plugin for two driven wheels says; None where there is none.
        mounts: sensors that the file has: "imu", "lidar", "camera", "event_camera".
        settings: parameters of `DiffDriveConfig` that it asks for.
        told: what was replaced or left out, a sentence each.
        description: URDF; empty where one is to be made from the links.

    """

    file: Path
    links: dict[str, Link] = field(default_factory=dict)
    joints: list[Joint] = field(default_factory=list)
    drive: Drive | None = None
    mounts: dict[str, Mount] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    description: str = ""

    def add_shape(self, link: Link, form: Form, pose: Transform, parts: Parts, where: str) -> None:
        """Let a link collide with a shape; a mesh counts as the box around it.

        Raises:
            ModelFileError: the shape has no end.

        """
        if form.kind != "mesh":
            if max(form.size) >= 50.0:
                raise ModelFileError(f"{self.file}: {where} is too large for a robot")
            link.shapes.append((_TYPES[form.kind], form.size, pose @ form.shift))
            return
        corners = parts.meshes[form.mesh].vertices
        low, high = corners.min(axis=0), corners.max(axis=0)
        middle = np.eye(4)
        middle[:3, 3] = 0.5 * (low + high)
        size = tuple(np.maximum(0.5 * (high - low), 1e-3).tolist())
        link.shapes.append((_TYPES["box"], size, pose @ middle))
        self.told.append(f"{where}: the mesh collides as the box around it")


def body_of(model: RobotModel) -> Body:
    """The body of a robot; `model.told` says what was left out.

    Raises:
        ModelFileError: it has no two wheels at left and right, or its links are no tree.

    """
    links = _in_order(model)
    root = next(iter(links))
    wheels, parts = driven_wheels(model.file, links, model.joints, model.drive, model.told)
    held = {link.movable for link in parts.values() if link.movable} - {w.joint for w in wheels}
    model.told += [f"joint '{name}' is held where it is" for name in sorted(held)]
    radius = sum(wheel.radius for wheel in wheels) / 2.0
    # The wheels stand on the ground, wherever the root is.
    lift = radius - sum(wheel.position[2] for wheel in wheels) / 2.0
    shapes = tuple(
        (kind, size, tuple((link.pose @ pose)[:3, 3].tolist()), _wxyz(link.pose @ pose))
        for link in parts.values()
        for kind, size, pose in link.shapes
    )
    mass, centre = _inertia(parts)
    reach = np.array([wheels[0].radius, abs(wheels[0].position[1]) + 0.5 * wheels[0].width])
    length, width = np.maximum(reach, _reach(parts)).tolist()
    from spikeloop_sim.robot_urdf import as_urdf

    return Body(
        root=root,
        shapes=shapes,
        mass=max(mass, 0.1),
        centre=centre,
        wheels=wheels,
        lift=lift,
        frames=_frames(root, links, model),
        hull=(length, width),
        description=model.description or as_urdf(model.file.stem, links, model.joints),
    )


def _in_order(model: RobotModel) -> dict[str, Link]:
    """All links, the root first, those after their parents, with their poses."""
    file, links = model.file, model.links
    for joint in model.joints:
        for end in (joint.parent, joint.child):
            if end not in links:
                raise ModelFileError(f"{file}: joint '{joint.name}': no link '{end}'")
    children = {joint.child for joint in model.joints}
    roots = [name for name in links if name not in children]
    if len(roots) != 1:
        raise ModelFileError(f"{file}: must have one root link, not {', '.join(roots) or 'none'}")
    found, waiting = {roots[0]: links[roots[0]]}, list(model.joints)
    while waiting:
        ready = [joint for joint in waiting if joint.parent in found]
        if not ready:
            names = ", ".join(joint.name for joint in waiting)
            raise ModelFileError(f"{file}: joints hang on no link of the root: {names}")
        for joint in ready:
            waiting.remove(joint)
            if joint.child in found:
                raise ModelFileError(f"{file}: link '{joint.child}' hangs on two joints")
            link = links[joint.child]
            link.pose = found[joint.parent].pose @ joint.pose
            link.movable = "" if joint.kind == "fixed" else joint.name
            found[joint.child] = link
    return found


def _frames(root: str, links: Mapping[str, Link], model: RobotModel) -> tuple[Frame, ...]:
    """Where the sensors are: as the file says, else by the names of links, else on top."""
    found = [Frame("map", "odom")]
    top = np.eye(4)
    top[2, 3] = max((link.pose[2, 3] for link in links.values()), default=0.0) + 0.1
    for kind, words in _BY_NAME.items():
        pose = _mounted(kind, links, model)
        if pose is None:
            match = next((n for n in links if any(word in n.lower() for word in words)), "")
            pose = links[match].pose if match else None
        if pose is None:
            model.told.append(f"no {kind} is in it, nor a link called so: it is put on top")
            pose = top
        found.append(Frame(root, f"{kind}_link", *_placed(pose)))
    front = np.eye(4)
    front[:3, 3] = (0.1, 0.0, top[2, 3])
    by_name = next((n for n in links if "camera" in n.lower() and "optical" not in n.lower()), "")
    for kind, other in zip(CAMERAS, reversed(CAMERAS), strict=True):
        eye = _mounted(kind, links, model)
        eye = _mounted(other, links, model) if eye is None else eye
        if eye is None:
            eye = links[by_name].pose if by_name else front
            if not by_name and kind == "camera":
                model.told.append("no camera is in it: the cameras are put on top, in front")
        optical = np.eye(4)
        optical[:3, :3] = [[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
        position, turn = _placed(eye @ optical)
        level = np.allclose(eye[:3, :3], np.eye(3), atol=1e-9)
        found.append(Frame(root, f"{kind}_optical_frame", position, OPTICAL if level else turn))
    return tuple(found)


def _mounted(kind: str, links: Mapping[str, Link], model: RobotModel) -> Transform | None:
    mount = model.mounts.get(kind)
    if mount is None:
        return None
    if mount.link not in links:
        raise ModelFileError(f"{model.file}: the sensor '{kind}' is at no link '{mount.link}'")
    pose: Transform = links[mount.link].pose @ mount.pose
    return pose


def _placed(
    pose: Transform,
) -> tuple[tuple[float, float, float], tuple[float, float, float, float]]:
    x, y, z = pose[:3, 3].tolist()
    return (x, y, z), quaternion_of(pose[:3, :3])


def _reach(parts: Mapping[str, Link]) -> NDArray[np.float64]:
    """Half length and half width of a rectangle around the root that holds the parts, (2,)."""
    reach = np.zeros(2)
    for link in parts.values():
        for kind, size, pose in link.shapes:
            placed = link.pose @ pose
            half = np.array([*size, *([size[-1]] * (3 - len(size)))])
            if len(size) == 2:
                long = size[1] + size[0] * (kind == _TYPES["capsule"])
                half = np.array([size[0], size[0], long])
            extent = np.abs(placed[:2, 3]) + np.abs(placed[:2, :3]) @ half
            reach = np.maximum(reach, extent)
    return reach


def _inertia(parts: Mapping[str, Link]) -> tuple[float, tuple[float, float, float]]:
    mass = sum(link.mass for link in parts.values())
    if mass <= 0.0:
        return 0.0, (0.0, 0.0, 0.05)
    places = [link.mass * (link.pose[:3, :3] @ link.centre + link.pose[:3, 3])
              for link in parts.values()]  # fmt: skip
    x, y, z = (np.sum(places, axis=0) / mass).tolist()
    return mass, (x, y, z)


def _wxyz(pose: Transform) -> tuple[float, ...]:
    x, y, z, w = quaternion_of(pose[:3, :3])
    return (w, x, y, z)
