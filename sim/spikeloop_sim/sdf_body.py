"""A differential-drive robot from somebody's SDF: a model with its nested and included ones."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from spikeloop.parameters import suggestion
from spikeloop_sim.gz_elements import read_drive, read_sensor
from spikeloop_sim.model_files.parts import ModelFileError, Parts, read_tree
from spikeloop_sim.model_files.sdf_frames import Frames
from spikeloop_sim.model_files.sdf_includes import resolve_includes
from spikeloop_sim.model_files.transforms import Transform, inverse
from spikeloop_sim.robot_model import MISSING_M, Joint, JointKind, Link, Mount, RobotModel

_FREE = 1e3
"""A joint whose limits are farther away, rad, turns for ever."""


def read_sdf(file: Path, name: str = "") -> RobotModel:
    """Read a robot.

    Args:
        file: an SDF file with a model, or a world with some.
        name: of the model; where it is empty the only one, or the only one with a drive.

    Raises:
        OSError: the file can't be read.
        ModelFileError: it isn't SDF, it isn't clear which model is the robot, or an element is
            broken.

    """
    root = read_tree(file)
    if root.tag != "sdf":
        raise ModelFileError(f"{file}: is no SDF: its root is <{root.tag}>, not <sdf>")
    chosen = _choose(file, root, name)
    wrapped = ET.Element("sdf")
    wrapped.append(chosen)
    resolve_includes(file, wrapped)
    model, parts = RobotModel(file), Parts(file, 0.5 * MISSING_M)
    frames = Frames(parts, chosen)
    poses = dict(_links(frames, np.eye(4), "", model, parts))
    for inner, prefix in _models(frames, ""):
        for element in inner.element.findall("joint"):
            model.joints.append(_joint(element, inner, prefix, poses, parts))
    for inner, _ in _models(frames, ""):
        if model.drive is None:
            read_drive(inner.element.findall("plugin"), model, parts)
    model.told += parts.told
    return model


def _choose(file: Path, root: ET.Element, name: str) -> ET.Element:
    models = [m for holder in (root, *root.findall("world")) for m in holder.findall("model")]
    names = [model.get("name", "") for model in models]
    if name:
        for model in models:
            if model.get("name") == name:
                return model
        raise ModelFileError(
            f"{file}: there is no <model name='{name}'>{suggestion(name, names)}; there are: "
            f"{', '.join(names) or 'none'}"
        )
    driven = [m for m in models if any("diff" in (p.get("filename") or "") and
                                       "drive" in (p.get("filename") or "")
                                       for p in m.iter("plugin"))]  # fmt: skip
    candidates = driven if len(driven) == 1 else models
    if len(candidates) != 1:
        raise ModelFileError(
            f"{file}: which model is the robot? Name it by the parameter 'model'; there are: "
            f"{', '.join(names) or 'none'}"
        )
    return candidates[0]


def _models(frames: Frames, prefix: str) -> Iterator[tuple[Frames, str]]:
    """A model and all that are nested in it, with the prefix of their names."""
    yield frames, prefix
    for name, inner in frames.nested.items():
        yield from _models(inner, f"{prefix}{name}::")


def _links(
    frames: Frames, above: Transform, prefix: str, model: RobotModel, parts: Parts
) -> Iterator[tuple[str, Transform]]:
    """Read all links, and give the pose of each in the outermost model."""
    for element in frames.element.findall("link"):
        name, at = prefix + element.get("name", ""), frames.place(element)
        model.links[name] = _link(element, name, frames, at, model, parts)
        yield name, above @ at
    for inner_name, inner in frames.nested.items():
        place = above @ frames.pose(inner_name)
        yield from _links(inner, place, f"{prefix}{inner_name}::", model, parts)


def _link(
    element: ET.Element, name: str, frames: Frames, at: Transform, model: RobotModel, parts: Parts
) -> Link:
    link, back = Link(), inverse(at)

    def within(part: ET.Element, where: str) -> Transform:
        return back @ frames.within(part, at, where)

    for visual in element.findall("visual"):
        if visual.find("geometry/mesh") is not None:
            uri = (visual.findtext("geometry/mesh/uri") or "").strip()
            model.told.append(f"link '{name}': visual mesh {uri} isn't drawn")
    for collision in element.findall("collision"):
        where = f"collision '{collision.get('name', '')}' of link '{name}'"
        form = parts.form_of(collision, where)
        model.add_shape(link, form, within(collision, where), parts, where)
    inertial = element.find("inertial")
    if inertial is not None:
        where = f"inertial of link '{name}'"
        mass = parts.number(inertial, "mass", where)
        # SDF's own default where an <inertial> names no mass.
        link.mass = 1.0 if mass is None else mass
        link.centre = within(inertial, where)[:3, 3]
    for sensor in element.findall("sensor"):
        where = f"sensor '{sensor.get('name', '')}' of link '{name}'"
        read_sensor(sensor, Mount(name, within(sensor, where)), model, parts)
    return link


def _joint(
    element: ET.Element, frames: Frames, prefix: str, poses: dict[str, Transform], parts: Parts
) -> Joint:
    name = prefix + element.get("name", "")
    where = f"joint '{name}'"
    ends = []
    for which in ("parent", "child"):
        text = (element.findtext(which) or "").strip()
        if not text:
            raise ModelFileError(f"{parts.file}: {where} lacks its <{which}>")
        if text == "world":
            raise ModelFileError(f"{parts.file}: {where} ties the robot to the world")
        ends.append(prefix + frames.link_of(text))
    parent, child = ends
    pose = inverse(poses[parent]) @ poses[child]
    text = element.findtext("axis/xyz") or "0 0 1"
    axis = np.array(parts.numbers(text, 3, f"{where}: axis"))
    own = frames.pose(element.get("name", ""))
    xyz = element.find("axis/xyz")
    expressed = "" if xyz is None else xyz.get("expressed_in", "")
    frame = frames.pose(expressed) if expressed else own
    # From the frame in which it is given, by way of the model's, to the child link's.
    link = frames.pose(frames.link_of((element.findtext("child") or "").strip()))
    return Joint(
        name,
        _kind(element, parts, where),
        parent,
        child,
        pose,
        link[:3, :3].T @ frame[:3, :3] @ axis,
    )


def _kind(element: ET.Element, parts: Parts, where: str) -> JointKind:
    kind = element.get("type")
    if kind == "fixed":
        return "fixed"
    if kind == "continuous":
        return "turning"
    if kind != "revolute":
        return "other"
    limit = element.find("axis/limit")
    if limit is None:
        return "turning"
    low, high = (parts.number(limit, tag, f"{where}: limit") for tag in ("lower", "upper"))
    free = (low is None or low < -_FREE) and (high is None or high > _FREE)
    return "turning" if free else "other"
