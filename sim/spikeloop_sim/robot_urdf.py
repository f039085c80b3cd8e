"""A URDF of links and joints, for robots whose file is none."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import mujoco

from spikeloop_sim.model_files.transforms import Transform, roll_pitch_yaw

if TYPE_CHECKING:
    from spikeloop_sim.robot_model import Joint, Link

_KINDS = {"fixed": "fixed", "turning": "continuous", "other": "fixed"}


def as_urdf(name: str, links: Mapping[str, Link], joints: Iterable[Joint]) -> str:
    """Shapes, masses and joints; `::` of nested names becomes `/`, as in frames of ROS."""
    robot = ET.Element("robot", name=name)
    for link_name, link in links.items():
        element = ET.SubElement(robot, "link", name=ros_name(link_name))
        if link.mass > 0.0:
            _inertial(element, link)
        for kind, size, pose in link.shapes:
            for tag in ("visual", "collision"):
                part = ET.SubElement(element, tag)
                _origin(part, pose)
                _geometry(ET.SubElement(part, "geometry"), kind, size)
    for joint in joints:
        element = ET.SubElement(robot, "joint", name=ros_name(joint.name), type=_KINDS[joint.kind])
        ET.SubElement(element, "parent", link=ros_name(joint.parent))
        ET.SubElement(element, "child", link=ros_name(joint.child))
        _origin(element, joint.pose)
        ET.SubElement(element, "axis", xyz=_text(joint.axis.tolist()))
    return ET.tostring(robot, encoding="unicode")


def ros_name(name: str) -> str:
    """Of a link or joint, without `::`."""
    return name.replace("::", "/")


def _inertial(element: ET.Element, link: Link) -> None:
    inertial = ET.SubElement(element, "inertial")
    ET.SubElement(inertial, "origin", xyz=_text(link.centre.tolist()), rpy="0 0 0")
    ET.SubElement(inertial, "mass", value=f"{link.mass:g}")
    # The simulation takes a box's inertia of the whole; no reader needs more than a valid one.
    each = f"{0.01 * link.mass:g}"
    ET.SubElement(inertial, "inertia", ixx=each, ixy="0", ixz="0", iyy=each, iyz="0", izz=each)


def _geometry(geometry: ET.Element, kind: int, size: tuple[float, ...]) -> None:
    kinds = mujoco.mjtGeom
    if kind == int(kinds.mjGEOM_BOX):
        ET.SubElement(geometry, "box", size=_text([2.0 * half for half in size]))
    elif kind == int(kinds.mjGEOM_SPHERE):
        ET.SubElement(geometry, "sphere", radius=f"{size[0]:g}")
    else:
        # URDF has no capsule; its cylinder is as long as the whole.
        more = 2.0 * size[0] if kind == int(kinds.mjGEOM_CAPSULE) else 0.0
        length = f"{2.0 * size[1] + more:g}"
        ET.SubElement(geometry, "cylinder", radius=f"{size[0]:g}", length=length)


def _origin(element: ET.Element, pose: Transform) -> None:
    angles = roll_pitch_yaw(pose[:3, :3])
    ET.SubElement(element, "origin", xyz=_text(pose[:3, 3].tolist()), rpy=_text(angles))


def _text(values: Iterable[float]) -> str:
    return " ".join(f"{value + 0.0:.6g}" for value in values)
