"""Scenes as SDF 1.9, from the same description as MuJoCo's models.

What is seen are OBJ meshes with their textures, merged as in `worlds.mjcf`; what is solid are SDF's
own shapes. Movers stand where they are at time 0: Gazebo has nothing that moves a rigid body along
a path.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
from PIL import Image

from spikeloop_sim.worlds.mjcf import Part, parts_of, solids_of
from spikeloop_sim.worlds.scene import Material, Pose, Scene, Shape
from spikeloop_sim.worlds.triangles import Triangles, joined, rotation, triangles_of

VERSION = "1.9"
SYSTEMS = (
    ("gz-sim-physics-system", "gz::sim::systems::Physics"),
    ("gz-sim-user-commands-system", "gz::sim::systems::UserCommands"),
    ("gz-sim-scene-broadcaster-system", "gz::sim::systems::SceneBroadcaster"),
    ("gz-sim-sensors-system", "gz::sim::systems::Sensors"),
    ("gz-sim-imu-system", "gz::sim::systems::Imu"),
    ("gz-sim-contact-system", "gz::sim::systems::Contact"),
)
MESHES, TEXTURES = "meshes", "textures"


def child(parent: ET.Element, tag: str, text: object = None, **attributes: str) -> ET.Element:
    """A new element within another; numbers and tuples become SDF's text."""
    element = ET.SubElement(parent, tag, attributes)
    if isinstance(text, bool):
        element.text = "true" if text else "false"
    elif isinstance(text, tuple):
        element.text = " ".join(f"{float(value):.9g}" for value in text)
    elif isinstance(text, float):
        element.text = f"{text:.9g}"
    elif text is not None:
        element.text = str(text)
    return element


def pose_text(pose: Pose) -> tuple[float, ...]:
    """x, y, z, roll, pitch, yaw as SDF has them (fixed axes x, y, z)."""
    turn = rotation(pose.orientation)
    pitch = math.asin(float(np.clip(-turn[2, 0], -1.0, 1.0)))
    if abs(turn[2, 0]) < 1.0 - 1e-9:
        roll = math.atan2(turn[2, 1], turn[2, 2])
        yaw = math.atan2(turn[1, 0], turn[0, 0])
    else:
        roll, yaw = 0.0, math.atan2(-turn[0, 1], turn[1, 1])
    return (*pose.position, roll, pitch, yaw)


def world_element(scene: Scene, root: ET.Element) -> ET.Element:
    """The `world` of a scene, added to an `sdf` element; its files are written by `write_files`."""
    world = child(root, "world", name=scene.name)
    physics = child(world, "physics", name="1ms", type="ignored")
    child(physics, "max_step_size", 0.001)
    child(physics, "real_time_factor", 1.0)
    for filename, name in SYSTEMS:
        plugin = child(world, "plugin", filename=filename, name=name)
        if filename == "gz-sim-sensors-system":
            child(plugin, "render_engine", "ogre2")
    _surroundings(world, scene)
    model = child(world, "model", name="scenery")
    child(model, "static", True)
    link = child(model, "link", name="link")
    for part in parts_of(scene):
        if not part.mover:
            _visual(link, part, scene)
    for name, shape, mover in solids_of(scene):
        if mover is None and shape.collides:
            _collision(link, name, shape, scene)
    for mover in scene.movers:
        x, y, z, yaw = mover.at(0.0)
        model = child(world, "model", name=mover.name)
        child(model, "static", True)
        child(model, "pose", (x, y, z, 0.0, 0.0, yaw))
        link = child(model, "link", name="link")
        for part in parts_of(scene):
            if part.mover == mover.name:
                _visual(link, part, scene)
        for name, shape, holder in solids_of(scene):
            if holder is mover and shape.collides:
                _collision(link, name, shape, scene)
    return world


def _surroundings(world: ET.Element, scene: Scene) -> None:
    look = child(world, "scene")
    child(look, "ambient", (scene.ambient,) * 3 + (1.0,))
    sky = (0.0, 0.0, 0.0) if scene.sky is None else tuple(scene.sky[4].mean(axis=(0, 1)) / 255.0)
    child(look, "background", (*sky, 1.0))
    child(look, "shadows", False)
    for index, light in enumerate(scene.lights):
        kind = "directional" if light.position is None else "spot"
        lamp = child(world, "light", name=f"light {index}", type=kind)
        child(lamp, "pose", (*(light.position or (0.0, 0.0, 10.0)), 0.0, 0.0, 0.0))
        child(lamp, "cast_shadows", False)
        child(lamp, "diffuse", (light.level,) * 3 + (1.0,))
        child(lamp, "specular", (0.0, 0.0, 0.0, 1.0))
        child(lamp, "direction", light.direction)
        if kind == "spot":
            spot = child(lamp, "spot")
            child(spot, "inner_angle", 0.6)
            child(spot, "outer_angle", 0.9)
            child(spot, "falloff", 1.0)


def _visual(link: ET.Element, part: Part, scene: Scene) -> None:
    visual = child(link, "visual", name=part.name)
    child(visual, "cast_shadows", False)
    mesh = child(child(visual, "geometry"), "mesh")
    child(mesh, "uri", mesh_file(part))
    material = scene.materials[part.material]
    _material(visual, material)
    # What Gazebo's segmentation camera shows; 0 is the background.
    labels = sorted({each.label for each in parts_of(scene)})
    plugin = child(visual, "plugin", filename="gz-sim-label-system", name="gz::sim::systems::Label")
    child(plugin, "label", str(1 + labels.index(part.label)))


def _material(visual: ET.Element, material: Material) -> None:
    rgb = material.colour or (material.grey,) * 3
    colour = (1.0, 1.0, 1.0, 1.0) if material.texture else (*rgb, 1.0)
    look = child(visual, "material")
    child(look, "ambient", colour)
    child(look, "diffuse", colour)
    child(look, "specular", (0.0, 0.0, 0.0, 1.0))
    if material.emission:
        child(look, "emissive", (*(material.emission * value for value in colour[:3]), 1.0))
    if material.texture:
        metal = child(child(look, "pbr"), "metal")
        child(metal, "albedo_map", texture_file(material.texture))
        child(metal, "roughness", 1.0)
        child(metal, "metalness", 0.0)
        if material.emission:
            child(metal, "emissive_map", texture_file(material.texture))


def _collision(link: ET.Element, name: str, shape: Shape, scene: Scene) -> None:
    collision = child(link, "collision", name=name)
    child(collision, "pose", pose_text(shape.pose))
    geometry = child(collision, "geometry")
    size = tuple(float(value) for value in shape.size)
    if shape.kind == "box":
        child(child(geometry, "box"), "size", tuple(2.0 * value for value in size))
    elif shape.kind == "sphere":
        child(child(geometry, "sphere"), "radius", size[0])
    elif shape.kind == "mesh":
        child(child(geometry, "mesh"), "uri", solid_file(shape))
    else:
        body = child(geometry, shape.kind)
        child(body, "radius", size[0])
        child(body, "length", 2.0 * size[1])


def _file(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-+" else "_" for c in name)


def mesh_file(part: Part) -> str:
    """Where a part's mesh lies, beside the SDF."""
    return f"{MESHES}/{_file(part.name)}.obj"


def solid_file(shape: Shape) -> str:
    """Where the mesh of a solid lies, beside the SDF."""
    return f"{MESHES}/solid_{_file(shape.mesh)}_{shape.size[0]:g}.obj"


def texture_file(name: str) -> str:
    """Where a texture lies, beside the SDF."""
    return f"{TEXTURES}/{_file(name)}.png"


def write_files(scene: Scene, folder: Path) -> None:
    """Meshes and textures of a scene.

    Raises:
        OSError: the folder can't be written.

    """
    for name in (MESHES, TEXTURES):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, picture in scene.textures.items():
        # Ours are linear; pictures are read as sRGB.
        light = picture / 255.0
        coded = np.where(light < 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        data = np.round(255.0 * coded).astype(np.uint8)
        Image.fromarray(data).save(folder / texture_file(name))
    for part in parts_of(scene):
        surface = joined([triangles_of(shape, scene) for shape in part.shapes])
        (folder / mesh_file(part)).write_text(_obj(surface), encoding="ascii")
    written = set()
    for _, shape, _ in solids_of(scene):
        if shape.kind == "mesh" and shape.collides and solid_file(shape) not in written:
            written.add(solid_file(shape))
            own = Shape(**{**vars(shape), "pose": Pose()})
            surface = triangles_of(own, scene)
            (folder / solid_file(shape)).write_text(_obj(surface), encoding="ascii")


def _obj(surface: Triangles) -> str:
    """As a Wavefront OBJ."""
    count = len(surface.corners)
    lines = [f"v {x:.6g} {y:.6g} {z:.6g}" for x, y, z in surface.corners.reshape(-1, 3)]
    lines += [f"vt {u:.6g} {v:.6g}" for u, v in surface.uv.reshape(-1, 2)]
    lines += [f"vn {x:.5g} {y:.5g} {z:.5g}" for x, y, z in surface.normals.reshape(-1, 3)]
    for k in range(count):
        a, b, c = 3 * k + 1, 3 * k + 2, 3 * k + 3
        lines.append(f"f {a}/{a}/{a} {b}/{b}/{b} {c}/{c}/{c}")
    return "\n".join(lines) + "\n"
