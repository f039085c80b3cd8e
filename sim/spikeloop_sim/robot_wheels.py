"""The two driven wheels of a robot from a file: by its plugin, or by its joints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from spikeloop.parameters import suggestion
from spikeloop_sim.diff_drive_body import Wheel
from spikeloop_sim.model_files.parts import ModelFileError

if TYPE_CHECKING:
    from spikeloop_sim.robot_model import Joint, Link

_ROUND = (int(mujoco.mjtGeom.mjGEOM_CYLINDER), int(mujoco.mjtGeom.mjGEOM_SPHERE))
_OFF = 0.02
"""A difference between plugin and geometry, relative, that is told."""
_LIFT_M = 0.002
_ALONG_Y = 0.9


@dataclass(frozen=True)
class Drive:
    """What a plugin for a differential drive says.

    Attributes:
        plugin: its file name.
        left: names of the joints at the left; several where wheels of a side turn together.
        right: likewise.
        separation: between the wheels, m; None where it doesn't say.
        radius: of the wheels, m; None where it doesn't say.

    """

    plugin: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    separation: float | None = None
    radius: float | None = None


def driven_wheels(
    file: Path,
    links: Mapping[str, Link],
    joints: Sequence[Joint],
    drive: Drive | None,
    told: list[str],
) -> tuple[tuple[Wheel, Wheel], dict[str, Link]]:
    """Left and right wheel, and the links that are left for the body.

    Of several wheels on a side one in their middle is driven: such a base turns about its middle.
    The others carry the body without friction.

    Raises:
        ModelFileError: there are no two such wheels, or they don't turn about the y axis.

    """
    by_name = {joint.name: joint for joint in joints}
    if drive is None:
        sides = _by_place(file, links, joints)
        radius = None
    else:
        sides = tuple(
            [_named(file, by_name, name, drive, side) for name in names]
            for side, names in (("left", drive.left), ("right", drive.right))
        )  # type: ignore[assignment]
        radius = drive.radius
    wheels = []
    parts = dict(links)
    for side in sides:
        single = [_wheel(file, links[joint.child], joint, radius) for joint in side]
        wheels.append(_middle(single))
        for wheel in single:
            link = parts.pop(wheel.link)
            if len(single) > 1:
                parts[wheel.link] = _idle(link)
    left, right = wheels
    if not left.position[1] > 0.0 > right.position[1]:
        raise ModelFileError(
            f"{file}: wheels '{left.joint}' and '{right.joint}' aren't at the left (y > 0) and "
            "right (y < 0) of the root link"
        )
    if len(sides[0]) + len(sides[1]) > 2:
        told.append(
            f"{len(sides[0]) + len(sides[1])} driven wheels count as two in their middle; "
            f"joint_states has '{left.joint}' and '{right.joint}' alone"
        )
    if drive is not None:
        _compare(drive, left, right, told)
    return (left, right), parts


def _by_place(
    file: Path, links: Mapping[str, Link], joints: Sequence[Joint]
) -> tuple[list[Joint], list[Joint]]:
    """Joints that turn for ever, with a round shape: the outermost ones, beside each other."""
    turning = [joint for joint in joints if joint.kind == "turning"]
    found = [j for j in turning if any(s[0] in _ROUND for s in links[j.child].shapes)]
    places = {joint.name: links[joint.child].pose[:3, 3] for joint in found}
    pairs = [
        (abs(places[a.name][0] - places[b.name][0]) - (places[a.name] - places[b.name])[1], a, b)
        for a in found
        for b in found
        if places[a.name][1] > 0.0 > places[b.name][1]
    ]
    if not pairs:
        names = ", ".join(joint.name for joint in turning) or "none"
        raise ModelFileError(
            f"{file}: needs a wheel at the left and one at the right: links with a cylinder or "
            f"sphere on continuous joints, or a plugin diff-drive; continuous are: {names}"
        )
    _, left, right = min(pairs, key=lambda pair: pair[0])
    return [left], [right]


def _named(file: Path, joints: Mapping[str, Joint], name: str, drive: Drive, side: str) -> Joint:
    where = f"{file}: plugin '{drive.plugin}': <{side}_joint>"
    if name not in joints:
        turning = [joint.name for joint in joints.values() if joint.kind != "fixed"]
        raise ModelFileError(
            f"{where} '{name}' isn't a joint{suggestion(name, joints)}; those that move are: "
            f"{', '.join(turning) or 'none'}"
        )
    if joints[name].kind != "turning":
        raise ModelFileError(f"{where} '{name}' doesn't turn for ever, as a wheel does")
    return joints[name]


def _wheel(file: Path, link: Link, joint: Joint, radius: float | None) -> Wheel:
    axis = link.pose[:3, :3] @ joint.axis
    if abs(axis[1]) < _ALONG_Y * float(np.linalg.norm(axis)):
        words = " ".join(f"{value:.2f}" for value in axis)
        raise ModelFileError(
            f"{file}: joint '{joint.name}': its axis is {words} in the root's frame; a wheel must "
            "turn about y, for the robot looks along x"
        )
    rounds = [shape for shape in link.shapes if shape[0] in _ROUND]
    if rounds:
        _, size, pose = rounds[0]
        x, y, z = (link.pose @ pose)[:3, 3].tolist()
        width = 2.0 * size[1] if len(size) > 1 else size[0]
        return Wheel(joint.name, joint.child, (x, y, z), size[0], width, max(link.mass, 0.05))
    if radius is None:
        raise ModelFileError(
            f"{file}: wheel '{joint.name}': link '{joint.child}' has no cylinder or sphere to "
            "collide, and no plugin gives <wheel_radius>"
        )
    x, y, z = link.pose[:3, 3].tolist()
    return Wheel(joint.name, joint.child, (x, y, z), radius, 0.5 * radius, max(link.mass, 0.05))


def _middle(wheels: Sequence[Wheel]) -> Wheel:
    x, y, z = np.mean([wheel.position for wheel in wheels], axis=0).tolist()
    return replace(wheels[0], position=(x, y, z), mass=sum(wheel.mass for wheel in wheels))


def _idle(link: Link) -> Link:
    """A wheel that only carries, a little higher than the driven one, which has its mass."""
    up = np.eye(4)
    up[2, 3] = _LIFT_M
    pose = up @ link.pose
    return replace(link, pose=pose, mass=0.0)


def _compare(drive: Drive, left: Wheel, right: Wheel, told: list[str]) -> None:
    track = left.position[1] - right.position[1]
    for tag, said, found in (
        ("wheel_separation", drive.separation, track),
        ("wheel_radius", drive.radius, 0.5 * (left.radius + right.radius)),
    ):
        if said is not None and abs(said - found) > _OFF * found:
            told.append(
                f"plugin '{drive.plugin}': <{tag}> {said:g} isn't that of the wheels as they are "
                f"in the file, {found:.4g}, which counts"
            )
