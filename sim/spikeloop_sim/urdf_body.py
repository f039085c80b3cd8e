"""A differential-drive robot from somebody's URDF: its links, joints, and what Gazebo is told."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from spikeloop_sim.gz_elements import read_drive, read_sensor
from spikeloop_sim.model_files.parts import ModelFileError, Parts, read_tree
from spikeloop_sim.robot_model import MISSING_M, Joint, JointKind, Link, Mount, RobotModel

_KINDS: dict[str | None, JointKind] = {"fixed": "fixed", "continuous": "turning"}


def read_urdf(file: Path) -> RobotModel:
    """Read a robot.

    Raises:
        OSError: the file can't be read.
        ModelFileError: it isn't URDF, or an element is broken.

    """
    root = read_tree(file)
    if root.tag != "robot":
        raise ModelFileError(f"{file}: is no URDF: its root is <{root.tag}>, not <robot>")
    text = file.read_text(encoding="utf-8", errors="replace")
    model, parts = RobotModel(file, description=text), Parts(file, 0.5 * MISSING_M)
    for element in root.findall("link"):
        name = element.get("name", "")
        model.links[name] = _link(element, name, model, parts)
    for element in root.findall("joint"):
        model.joints.append(_joint(element, parts))
    for gazebo in root.findall("gazebo"):
        read_drive(gazebo.findall("plugin"), model, parts)
        link = gazebo.get("reference", "")
        for sensor in gazebo.findall("sensor"):
            where = f"sensor '{sensor.get('name')}'"
            read_sensor(sensor, Mount(link, parts.pose(sensor, where)), model, parts)
    model.told += parts.told
    return model


def _link(element: ET.Element, name: str, model: RobotModel, parts: Parts) -> Link:
    link = Link()
    for visual in element.findall("visual"):
        mesh = visual.find("geometry/mesh")
        if mesh is not None:
            model.told.append(f"link '{name}': visual mesh {mesh.get('filename')} isn't drawn")
    for collision in element.findall("collision"):
        where = f"collision of link '{name}'"
        form = parts.form_of(collision, where)
        model.add_shape(link, form, parts.origin(collision, where), parts, where)
    inertial = element.find("inertial")
    if inertial is not None:
        where = f"inertial of link '{name}'"
        mass = inertial.find("mass")
        if mass is not None:
            link.mass = parts.numbers(mass.get("value", ""), 1, where)[0]
        link.centre = parts.origin(inertial, where)[:3, 3]
    return link


def _joint(element: ET.Element, parts: Parts) -> Joint:
    name = element.get("name", "")
    where = f"joint '{name}'"
    ends = []
    for which in ("parent", "child"):
        end = element.find(which)
        if end is None or not end.get("link"):
            raise ModelFileError(f"{parts.file}: {where} lacks its <{which} link=...>")
        ends.append(end.get("link", ""))
    axis = element.find("axis")
    text = "1 0 0" if axis is None else axis.get("xyz", "1 0 0")
    return Joint(
        name,
        _KINDS.get(element.get("type"), "other"),
        ends[0],
        ends[1],
        parts.origin(element, where),
        np.array(parts.numbers(text, 3, f"{where}: axis")),
    )
