"""Scenes as MuJoCo models.

Each shape is there twice. What is *seen* (geom group 2, drawn by default) are meshes with texture
coordinates, in which scenery of one material and label is merged by cells of the ground: few
things to draw, and textures that don't streak. What is *solid* (group 3, hidden) are the shapes
themselves: robots bump into them, and LiDAR rays should be cast at this group alone. A mesh that
is solid collides as its convex hull, and is seen by rays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.worlds.scene import LEVEL, Mover, Pose, Scene, Shape
from spikeloop_sim.worlds.triangles import Triangles, joined, triangles_of

SEEN, SOLID = 2, 3
"""Geom groups; see above."""
CELL_M = 40.0
NEAR_M, FAR_M = 0.02, 400.0
_TYPES = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "mesh": mujoco.mjtGeom.mjGEOM_MESH,
}
_SKY = ("right", "left", "up", "down", "front", "back")


@dataclass(frozen=True)
class Part:
    """Shapes that are drawn as one."""

    name: str
    material: str
    label: str
    instance: str
    shapes: tuple[Shape, ...]
    mover: str = ""


def parts_of(scene: Scene) -> Iterator[Part]:
    """What is drawn, in order."""
    groups: dict[tuple[object, ...], list[Shape]] = {}
    for shape in scene.shapes:
        x, y, _ = shape.pose.position
        cell = (math.floor(x / CELL_M), math.floor(y / CELL_M))
        key: tuple[object, ...] = (shape.material, shape.label, shape.instance)
        key += () if shape.instance else cell
        groups.setdefault(key, []).append(shape)
    for index, (key, shapes) in enumerate(groups.items()):
        material, label, instance = key[:3]
        yield Part(f"seen {index}", str(material), str(label), str(instance), tuple(shapes))
    for mover in scene.movers:
        materials = dict.fromkeys(shape.material for shape in mover.shapes)
        for index, material in enumerate(materials):
            shapes = [shape for shape in mover.shapes if shape.material == material]
            name = f"{mover.name} seen {index}"
            yield Part(name, material, mover.label, mover.name, tuple(shapes), mover.name)


def solids_of(scene: Scene) -> Iterator[tuple[str, Shape, Mover | None]]:
    """Name, shape and mover of what is solid."""
    for index, shape in enumerate(scene.shapes):
        yield f"solid {index}", shape, None
    for mover in scene.movers:
        for index, shape in enumerate(mover.shapes):
            yield f"{mover.name} solid {index}", shape, mover


def to_spec(scene: Scene) -> mujoco.MjSpec:
    """A MuJoCo model to be compiled, to which a robot can be attached before.

    Movers are mocap bodies of their name, at their poses at time 0; see `place_movers`.

    Raises:
        KeyError: a material, texture or mesh that is used isn't in the scene.

    """
    spec = mujoco.MjSpec()
    spec.modelname = scene.name
    _surroundings(spec, scene)
    for name, picture in scene.textures.items():
        texture = spec.add_texture(
            name=name,
            type=mujoco.mjtTexture.mjTEXTURE_2D,
            height=picture.shape[0],
            width=picture.shape[1],
            nchannel=3,
        )
        texture.data = np.ascontiguousarray(picture[::-1]).tobytes()
    for name, material in scene.materials.items():
        rgb = material.colour or (material.grey,) * 3
        added = spec.add_material(name=name, specular=0.0, shininess=0.0)
        added.emission = material.emission
        added.rgba = [*((1.0, 1.0, 1.0) if material.texture else rgb), 1.0]
        if material.texture:
            added.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = material.texture
    bodies = {"": spec.worldbody}
    for mover in scene.movers:
        body = spec.worldbody.add_body(name=mover.name, mocap=True)
        body.pos, body.quat = _placed(mover.at(0.0))
        bodies[mover.name] = body
    for part in parts_of(scene):
        surface = joined([triangles_of(shape, scene) for shape in part.shapes])
        _add_mesh(spec, part.name, surface)
        bodies[part.mover].add_geom(
            name=part.name,
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=part.name,
            material=part.material,
            group=SEEN,
            contype=0,
            conaffinity=0,
            mass=0.0,
        )
    for name, shape, holder in solids_of(scene):
        _add_solid(spec, bodies[holder.name if holder else ""], name, shape, scene)
    return spec


def _surroundings(spec: mujoco.MjSpec, scene: Scene) -> None:
    """Light, sky and how it is drawn."""
    spec.stat.extent = 1.0
    view = spec.visual
    view.map.znear, view.map.zfar = NEAR_M, FAR_M
    view.quality.shadowsize = view.quality.offsamples = 0
    view.headlight.ambient = [scene.ambient] * 3
    view.headlight.diffuse = view.headlight.specular = [0.0] * 3
    view.global_.offwidth, view.global_.offheight = 1280, 960
    for light in scene.lights:
        positional = light.position is not None
        kinds = mujoco.mjtLightType
        spec.worldbody.add_light(
            type=kinds.mjLIGHT_SPOT if positional else kinds.mjLIGHT_DIRECTIONAL,
            pos=light.position or (0.0, 0.0, 10.0),
            dir=light.direction,
            diffuse=[light.level] * 3,
            specular=[0.0] * 3,
            castshadow=False,
        )
    if scene.sky is not None:
        side = scene.sky.shape[1]
        sky = spec.add_texture(
            name="sky",
            type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
            width=side,
            height=6 * side,
            nchannel=3,
        )
        sky.data = np.ascontiguousarray(scene.sky).tobytes()


def _add_mesh(spec: mujoco.MjSpec, name: str, surface: Triangles) -> None:
    mesh = spec.add_mesh(name=name, inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL)
    mesh.uservert = surface.corners.ravel()
    mesh.usernormal = surface.normals.ravel()
    mesh.usertexcoord = surface.uv.ravel()
    mesh.userface = np.arange(3 * len(surface.corners))


def _add_solid(
    spec: mujoco.MjSpec, body: mujoco.MjsBody, name: str, shape: Shape, scene: Scene
) -> None:
    x, y, z, w = shape.pose.orientation
    geom = body.add_geom(
        name=name,
        type=_TYPES[shape.kind],
        pos=shape.pose.position,
        quat=(w, x, y, z),
        material=shape.material,
        group=SOLID,
        contype=int(shape.collides),
        conaffinity=int(shape.collides),
        mass=0.0,
    )
    if shape.kind != "mesh":
        geom.size = [*shape.size, 0.0, 0.0][:3]
        return
    geom.meshname = f"{shape.mesh} x {shape.size[0]:g}"
    if spec.mesh(geom.meshname) is None:
        _add_mesh(spec, geom.meshname, triangles_of(replace(shape, pose=Pose()), scene))


def _placed(at: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """Position and quaternion w, x, y, z of x, y, z and yaw."""
    return at[:3], (math.cos(0.5 * at[3]), 0.0, 0.0, math.sin(0.5 * at[3]))


def place_movers(model: mujoco.MjModel, data: mujoco.MjData, scene: Scene, time_s: float) -> None:
    """Put all movers where they are at a time, s; kinematics are left to the caller.

    Raises:
        KeyError: the model wasn't made from this scene.

    """
    for mover in scene.movers:
        slot = int(model.body(mover.name).mocapid[0])
        data.mocap_pos[slot], data.mocap_quat[slot] = _placed(mover.at(time_s))


@dataclass(frozen=True)
class Labels:
    """What each geom of a model is; for masks and boxes from ids of geoms.

    Attributes:
        classes: names by number; 0 is what isn't of the scene, such as a robot or the sky.
        instances: names of the single things by number; 0 is scenery.
        geom_class: (ngeom,) int16, number of its class.
        geom_instance: (ngeom,) int16, number of its thing.
        geom_infrared: (ngeom,) float32, reflectance for a LiDAR, 0.5 for what isn't of the scene.
        moving: (ngeom,) bool, whether it belongs to a mover.

    """

    classes: tuple[str, ...]
    instances: tuple[str, ...]
    geom_class: NDArray[np.int16]
    geom_instance: NDArray[np.int16]
    geom_infrared: NDArray[np.float32]
    moving: NDArray[np.bool_]

    @staticmethod
    def of(model: mujoco.MjModel, scene: Scene) -> Labels:
        """Look them up by the names of the geoms.

        Raises:
            KeyError: the model wasn't made from this scene.

        """
        rows = [(p.name, p.material, p.label, p.instance, bool(p.mover)) for p in parts_of(scene)]
        for name, shape, mover in solids_of(scene):
            label, instance = shape.label, shape.instance
            if mover is not None:
                label, instance = mover.label, mover.name
            rows.append((name, shape.material, label, instance, mover is not None))
        classes = ("", *sorted({row[2] for row in rows}))
        instances = tuple(dict.fromkeys(["", *(row[3] for row in rows)]))
        class_of = {name: number for number, name in enumerate(classes)}
        instance_of = {name: number for number, name in enumerate(instances)}
        table = np.zeros((2, model.ngeom), np.int16)
        infrared, moving = np.full(model.ngeom, 0.5, np.float32), np.zeros(model.ngeom, bool)
        for name, material, label, instance, moves in rows:
            geom = model.geom(name).id
            table[:, geom] = class_of[label], instance_of[instance]
            infrared[geom], moving[geom] = scene.materials[material].infrared, moves
        return Labels(classes, instances, table[0], table[1], infrared, moving)


def start_pose(scene: Scene) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Position and MuJoCo's quaternion w, x, y, z of where a robot starts."""
    x, y, z, w = scene.start.orientation or LEVEL
    return scene.start.position, (w, x, y, z)
