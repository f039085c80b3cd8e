"""What a world consists of, independent of the simulator that shows it.

MuJoCo models and Gazebo's SDF are both written from this, so that they can't drift apart. Frames
follow REP-103: x forward, y left, z up, m and rad, quaternions x, y, z, w.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
Kind = Literal["box", "cylinder", "sphere", "capsule", "mesh"]
LEVEL: Quaternion = (0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Pose:
    """Where something is, in the frame of what holds it."""

    position: Vector = (0.0, 0.0, 0.0)
    orientation: Quaternion = LEVEL


@dataclass(frozen=True)
class Material:
    """How a surface looks to cameras and LiDARs.

    Attributes:
        texture: name of one of the scene's textures; empty for plain grey.
        grey: reflectance of a plain surface, 0 to 1.
        colour: red, green and blue of a plain surface in place of `grey`, 0 to 1.
        emission: light that it gives off itself, as a part of its reflectance in full light.
        infrared: reflectance for a LiDAR, 0 to 1.
        repeat: how often the texture repeats, a metre.

    """

    texture: str = ""
    grey: float = 0.5
    infrared: float = 0.5
    repeat: float = 1.0
    colour: Vector | None = None
    emission: float = 0.0


@dataclass(frozen=True)
class Shape:
    """A rigid body of one form.

    Attributes:
        kind: its form.
        size: half extents of a box; radius and half height of a cylinder or capsule (axis z);
            radius of a sphere; scale of a mesh.
        material: name of one of the scene's materials.
        pose: of its centre, in the frame of what holds it.
        label: what it is, such as "wall", "floor", "car", "pedestrian".
        mesh: name of one of the scene's meshes.
        collides: whether robots bump into it.
        instance: what single thing it is a part of, such as "car 12"; empty for scenery, whose
            parts nobody counts.
        stretch: whether the texture is laid once over each face of a box, whatever its size.

    """

    kind: Kind
    size: tuple[float, ...]
    material: str
    pose: Pose = Pose()
    label: str = "scenery"
    mesh: str = ""
    collides: bool = True
    instance: str = ""
    stretch: bool = False


@dataclass(frozen=True)
class Mesh:
    """Triangles, counter-clockwise from outside.

    Attributes:
        vertices: (n, 3) m.
        faces: (m, 3) rows of `vertices`.
        uv: (m, 3, 2) where each corner is on the texture, in repeats; None to lay the texture on
            along the axis that a face looks to.

    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]
    uv: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Mover:
    """Something that moves by itself along a path, whatever happens around it.

    Attributes:
        name: unique in the scene.
        label: its class, such as "car".
        shapes: in its own frame, x forward.
        times: (n,) s, rising.
        poses: (n, 4) x, y, z and yaw at these times; between them it moves linearly, after the
            last it begins again if `loops`, else it stays.
        loops: whether the path is closed.

    """

    name: str
    label: str
    shapes: tuple[Shape, ...]
    times: NDArray[np.float64]
    poses: NDArray[np.float64]
    loops: bool = True

    def at(self, time_s: float) -> NDArray[np.float64]:
        """Pose x, y, z, yaw at a time, (4,); the yaw turns the shorter way."""
        times = self.times
        if self.loops:
            time_s = times[0] + (time_s - times[0]) % (times[-1] - times[0])
        k = int(np.clip(np.searchsorted(times, time_s, "right") - 1, 0, len(times) - 2))
        part = float(np.clip((time_s - times[k]) / (times[k + 1] - times[k]), 0.0, 1.0))
        here, there = self.poses[k], self.poses[k + 1]
        turn = (there[3] - here[3] + np.pi) % (2.0 * np.pi) - np.pi
        step = np.array([*(there[:3] - here[:3]), turn])
        pose: NDArray[np.float64] = here + part * step
        return pose


@dataclass(frozen=True)
class Light:
    """A light without shadows: directional where `position` is None; grey level 0 to 1."""

    direction: Vector
    level: float
    position: Vector | None = None


@dataclass(frozen=True)
class Scene:
    """A world, fixed by its name, its seed and its conditions.

    Attributes:
        name: of the world.
        seed: what it was made from.
        shapes: everything that stands still, in the frame `map`.
        movers: everything that moves by itself.
        textures: pictures by name, (h, w, 3) uint8.
        materials: by name.
        meshes: by name.
        lights: in the frame `map`.
        ambient: light from everywhere, 0 to 1.
        sky: pictures of the sky on a cube, (6, n, n, 3) uint8: right, left, up, down, front, back
            as seen by somebody who looks along +y; None indoors.
        visibility_m: distance at which haze leaves 5 % of a contrast.
        lux: illuminance of a white surface in full light, lx: what event cameras make of it.
        start: where a robot starts.
        goal: where it should arrive; None where it has no goal.
        route: (n, 3) x, y and heading of places along the way; empty where there is no way.
        waypoints: (n, 4) x, y, z and yaw to be reached one after another by what flies.

    """

    name: str
    seed: int
    shapes: tuple[Shape, ...]
    movers: tuple[Mover, ...] = ()
    textures: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    materials: Mapping[str, Material] = field(default_factory=dict)
    meshes: Mapping[str, Mesh] = field(default_factory=dict)
    lights: tuple[Light, ...] = ()
    ambient: float = 0.35
    sky: NDArray[np.uint8] | None = None
    visibility_m: float = math.inf
    lux: float = 300.0
    start: Pose = Pose()
    goal: Vector | None = None
    route: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))
    waypoints: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))
