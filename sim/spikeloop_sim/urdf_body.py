"""A differential-drive robot from somebody's URDF: its links, wheels and mounts.

What counts is what is simulated: collision shapes, masses, two wheels and where sensors are.
All links that hang on fixed joints are one body with the root; a joint that is neither fixed nor a
driven wheel is held where it is. A mesh that is missing is replaced by a box of 0.1 m. All that is
replaced or left out is told in `notes`.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.diff_drive_body import OPTICAL, Body, Wheel
from spikeloop_sim.robot import Frame

MISSING_M = 0.1
_MOUNTS = {"imu_link": ("imu",), "lidar_link": ("scan", "lidar", "laser")}
_EYES = ("event_camera_optical_frame", "camera_optical_frame")


class UrdfError(ValueError):
    """A URDF can't be a differential-drive robot; the message names file and cause."""


@dataclass
class _Link:
    """Shapes as (MuJoCo type, size, pose), inertia, and the pose in the root's frame."""

    pose: NDArray[np.float64]
    movable: str
    shapes: list[tuple[int, tuple[float, ...], NDArray[np.float64]]] = field(default_factory=list)
    mass: float = 0.0
    centre: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))


def read_urdf(path: Path) -> tuple[Body, list[str]]:
    """Read a robot.

    Returns:
        (the body, what was replaced or left out, a sentence each).

    Raises:
        UrdfError: it can't be read, or has no two wheels at left and right.

    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = ElementTree.fromstring(text)
    except (OSError, UnicodeDecodeError, ElementTree.ParseError) as error:
        raise UrdfError(f"{path}: can't be read: {error}") from error
    if tree.tag != "robot":
        raise UrdfError(f"{path}: is no URDF: its root is <{tree.tag}>, not <robot>")
    notes: list[str] = []
    links = _links(path, tree, notes)
    root = next(iter(links))
    wheels = _wheels(path, tree, links, notes)
    radius = sum(wheel.radius for wheel in wheels) / 2.0
    # The wheels stand on the ground, wherever the root is.
    lift = radius - sum(wheel.position[2] for wheel in wheels) / 2.0
    parts = {n: link for n, link in links.items() if n not in {w.link for w in wheels}}
    shapes = tuple(
        (kind, size, tuple((link.pose @ pose)[:3, 3].tolist()), _quaternion(link.pose @ pose))
        for link in parts.values()
        for kind, size, pose in link.shapes
    )
    mass, centre = _inertia(parts)
    body = Body(
        root=root,
        shapes=shapes,
        mass=max(mass, 0.1),
        centre=centre,
        wheels=wheels,
        lift=lift,
        frames=_frames(root, links, notes),
        hull=_hull(parts, wheels),
        description=text,
    )
    return body, notes


def _links(path: Path, tree: ElementTree.Element, notes: list[str]) -> dict[str, _Link]:
    """All links by name, the root first, those after their parents."""
    elements = {link.get("name", ""): link for link in tree.findall("link")}
    joints = tree.findall("joint")
    children = {_end(joint, "child") for joint in joints}
    roots = [name for name in elements if name not in children]
    if len(roots) != 1:
        raise UrdfError(f"{path}: must have one root link, not {', '.join(roots) or 'none'}")
    found = {roots[0]: _Link(np.eye(4), "")}
    waiting = list(joints)
    while waiting:
        ready = [joint for joint in waiting if _end(joint, "parent") in found]
        if not ready:
            names = ", ".join(joint.get("name", "?") for joint in waiting)
            raise UrdfError(f"{path}: joints hang on no link of the root: {names}")
        for joint in ready:
            waiting.remove(joint)
            child = _end(joint, "child")
            if child not in elements:
                raise UrdfError(f"{path}: joint '{joint.get('name')}': no link '{child}'")
            movable = "" if joint.get("type") == "fixed" else joint.get("name", "")
            pose = found[_end(joint, "parent")].pose @ _origin(joint)
            found[child] = _Link(pose, movable)
    for name, link in found.items():
        _fill(path, elements[name], name, link, notes)
    return found


def _end(joint: ElementTree.Element, which: str) -> str:
    end = joint.find(which)
    return "" if end is None else end.get("link", "")


def _fill(
    path: Path, element: ElementTree.Element, name: str, link: _Link, notes: list[str]
) -> None:
    for visual in element.findall("visual"):
        mesh = visual.find("geometry/mesh")
        if mesh is not None:
            notes.append(f"link '{name}': visual mesh {mesh.get('filename')} isn't drawn")
    for collision in element.findall("collision"):
        kind, size = _shape(path, collision, name, notes)
        link.shapes.append((kind, size, _origin(collision)))
    inertial = element.find("inertial")
    if inertial is not None:
        mass = inertial.find("mass")
        link.mass = float(mass.get("value", "0")) if mass is not None else 0.0
        link.centre = (link.pose @ _origin(inertial))[:3, 3]


def _shape(
    path: Path, collision: ElementTree.Element, name: str, notes: list[str]
) -> tuple[int, tuple[float, ...]]:
    kinds = mujoco.mjtGeom
    geometry = collision.find("geometry")
    for shape in geometry if geometry is not None else ():
        try:
            if shape.tag == "box":
                half = tuple(0.5 * float(v) for v in shape.get("size", "").split())
                return int(kinds.mjGEOM_BOX), half
            if shape.tag == "cylinder":
                size = float(shape.get("radius", "")), 0.5 * float(shape.get("length", ""))
                return int(kinds.mjGEOM_CYLINDER), size
            if shape.tag == "sphere":
                return int(kinds.mjGEOM_SPHERE), (float(shape.get("radius", "")),)
        except ValueError as error:
            raise UrdfError(f"{path}: link '{name}': <{shape.tag}>: {error}") from error
        if shape.tag == "mesh":
            notes.append(
                f"link '{name}': collision mesh {shape.get('filename')} is replaced by a box "
                f"of {MISSING_M:g} m"
            )
    return int(kinds.mjGEOM_BOX), (0.5 * MISSING_M,) * 3


def _wheels(
    path: Path, tree: ElementTree.Element, links: dict[str, _Link], notes: list[str]
) -> tuple[Wheel, Wheel]:
    """Left and right: joints that turn for ever, with a round shape."""
    round_kinds = (int(mujoco.mjtGeom.mjGEOM_CYLINDER), int(mujoco.mjtGeom.mjGEOM_SPHERE))
    turning = {j.get("name"): _end(j, "child") for j in tree.findall("joint")
               if j.get("type") == "continuous"}  # fmt: skip
    found = []
    for joint, name in turning.items():
        link = links[name]
        rounds = [shape for shape in link.shapes if shape[0] in round_kinds]
        if not rounds:
            continue
        _, size, _ = rounds[0]
        x, y, z = link.pose[:3, 3].tolist()
        width = 2.0 * size[1] if len(size) > 1 else size[0]
        found.append(Wheel(str(joint), name, (x, y, z), size[0], width, max(link.mass, 0.05)))
    left = max(found, key=lambda wheel: wheel.position[1], default=None)
    right = min(found, key=lambda wheel: wheel.position[1], default=None)
    if left is None or right is None or not left.position[1] > 0.0 > right.position[1]:
        raise UrdfError(
            f"{path}: needs a wheel at the left and one at the right: links with a cylinder or "
            f"sphere on continuous joints; continuous are: {', '.join(map(str, turning)) or 'none'}"
        )
    driven = {left.joint, right.joint}
    held = [k.movable for k in links.values() if k.movable and k.movable not in driven]
    notes += [f"joint '{name}' is held where it is" for name in held]
    return left, right


def _frames(root: str, links: dict[str, _Link], notes: list[str]) -> tuple[Frame, ...]:
    """Where the sensors are: by the names of links, else on top."""
    found = [Frame("map", "odom")]
    top = max((link.pose[2, 3] for link in links.values()), default=0.0) + 0.1
    for name, words in _MOUNTS.items():
        match = next((n for n in links if any(word in n.lower() for word in words)), "")
        if not match:
            notes.append(f"no link is called like {' or '.join(words)}: {name} is put on top")
        pose = links[match].pose if match else None
        at = (0.0, 0.0, top) if pose is None else tuple(pose[:3, 3].tolist())
        found.append(Frame(root, name, (at[0], at[1], at[2])))
    camera = next((n for n in links if "camera" in n.lower()), "")
    if not camera:
        notes.append("no link is called like camera: the cameras are put on top, in front")
    eye = links[camera].pose[:3, 3].tolist() if camera else [0.1, 0.0, top]
    found += [Frame(root, name, (eye[0], eye[1], eye[2]), OPTICAL) for name in _EYES]
    return tuple(found)


def _hull(parts: dict[str, _Link], wheels: tuple[Wheel, Wheel]) -> tuple[float, float]:
    """Half length and half width of a rectangle around the root that holds the robot."""
    reach = np.array([wheels[0].radius, abs(wheels[0].position[1]) + 0.5 * wheels[0].width])
    for link in parts.values():
        for _, size, pose in link.shapes:
            placed = link.pose @ pose
            half = np.array([*size, *([size[-1]] * (3 - len(size)))])
            if len(size) == 2:
                half = np.array([size[0], size[0], size[1]])
            extent = np.abs(placed[:2, 3]) + np.abs(placed[:2, :3]) @ half
            reach = np.maximum(reach, extent)
    return float(reach[0]), float(reach[1])


def _inertia(parts: dict[str, _Link]) -> tuple[float, tuple[float, float, float]]:
    mass = sum(link.mass for link in parts.values())
    if mass <= 0.0:
        return 0.0, (0.0, 0.0, 0.05)
    centre = sum(link.mass * link.centre for link in parts.values()) / mass
    x, y, z = np.asarray(centre).tolist()
    return mass, (x, y, z)


def _numbers(text: str | None) -> Iterator[float]:
    yield from (float(value) for value in (text or "0 0 0").split())


def _origin(element: ElementTree.Element) -> NDArray[np.float64]:
    """(4, 4) of an element's <origin>; rpy turn about fixed axes."""
    origin = element.find("origin")
    pose = np.eye(4)
    if origin is None:
        return pose
    pose[:3, 3] = list(_numbers(origin.get("xyz")))
    roll, pitch, yaw = _numbers(origin.get("rpy"))
    cr, sr, cp, sp = math.cos(roll), math.sin(roll), math.cos(pitch), math.sin(pitch)
    cy, sy = math.cos(yaw), math.sin(yaw)
    pose[:3, :3] = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    return pose


def _quaternion(pose: NDArray[np.float64]) -> tuple[float, ...]:
    """w, x, y, z."""
    out = np.zeros(4)
    mujoco.mju_mat2Quat(out, np.ascontiguousarray(pose[:3, :3]).ravel())
    return tuple(out.tolist())
