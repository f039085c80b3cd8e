"""SDF and URDF files of others as worlds.

Read are the shapes of all models and links: boxes, cylinders, spheres, capsules, ellipsoids (as
spheres), planes (as large boxes), and meshes as Wavefront OBJ, STL or, with the extra `meshes`,
COLLADA. What can't be read is told: a mesh that is missing or of another kind is replaced by a box
of half a metre, and joints, sensors and plugins are left out. Everything stands still.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from spikeloop_sim.model_files.parts import Form, ModelFileError, Parts, read_tree
from spikeloop_sim.model_files.sdf_frames import Frames
from spikeloop_sim.model_files.sdf_includes import resolve_includes
from spikeloop_sim.model_files.transforms import Transform, quaternion_of
from spikeloop_sim.worlds.scene import Light, Material, Pose, Scene, Shape

REPLACED_M = 0.25
"""Half the side of a box in place of a mesh."""
_GREY = 0.5


@dataclass
class Imported:
    """A world of others.

    Attributes:
        scene: what was read.
        told: what was replaced or left out, in words.

    """

    scene: Scene
    told: list[str] = field(default_factory=list)


def read_world(file: Path) -> Imported:
    """Read an SDF or URDF file as a world.

    Args:
        file: its meshes and included models are looked for beside it, by their relative or
            `model://` names.

    Raises:
        OSError: it can't be read.
        ModelFileError: it is neither SDF nor URDF, or broken; the message names file and element.

    """
    root = read_tree(file)
    reader = _Reader(file)
    if root.tag == "sdf":
        reader.sdf(root)
    elif root.tag == "robot":
        reader.urdf(root)
    else:
        raise ModelFileError(f"{file}: <{root.tag}> is neither <sdf> nor <robot> (URDF)")
    return reader.done()


class _Reader(Parts):
    def __init__(self, file: Path) -> None:
        super().__init__(file, REPLACED_M)
        self.shapes: list[Shape] = []
        self.materials: dict[str, Material] = {}
        self.lights: list[Light] = []

    def done(self) -> Imported:
        scene = Scene(
            name=self.file.stem,
            seed=0,
            shapes=tuple(self.shapes),
            materials=self.materials,
            meshes=self.meshes,
            lights=tuple(self.lights) or (Light((0.3, 0.2, -0.9), 0.5),),
        )
        return Imported(scene, list(dict.fromkeys(self.told)))

    # --- SDF -----------------------------------------------------------------------------------

    def sdf(self, root: ET.Element) -> None:
        resolve_includes(self.file, root, self.told)
        holders = [root, *root.findall("world")]
        for holder in holders:
            for light in holder.findall("light"):
                self._light(light)
        if not any(holder.find("model") is not None for holder in holders):
            raise ModelFileError(f"{self.file}: there is no <model> in it")
        for holder in holders:
            self._models(Frames(self, holder), np.eye(4), "")

    def _light(self, light: ET.Element) -> None:
        if light.get("type") != "directional":
            self.told.append(f"light '{light.get('name')}' isn't directional and is left out")
            return
        x, y, z = self.numbers(light.findtext("direction", "0 0 -1"), 3, "direction")
        level = self.numbers(light.findtext("diffuse", "1 1 1 1"), 0, "diffuse")[:3]
        self.lights.append(Light((x, y, z), min(float(np.mean(level)), 1.0)))

    def _models(self, frames: Frames, above: Transform, prefix: str) -> None:
        """All models of a world or model, and theirs; `above` is where it is."""
        for model in frames.element.findall("model"):
            name = prefix + (model.get("name") or "model")
            inner, place = Frames(self, model), above @ frames.place(model)
            self._models(inner, place, f"{name}/")
            for tag in ("joint", "plugin"):
                if model.find(tag) is not None:
                    self.told.append(f"model '{name}': every <{tag}> is left out")
            for link in model.findall("link"):
                if link.find("sensor") is not None:
                    self.told.append(f"model '{name}': every <sensor> is left out")
                self._link(inner, link, place, name)

    def _link(self, frames: Frames, link: ET.Element, place: Transform, instance: str) -> None:
        """What is solid; and what is only seen where nothing is solid at the same place."""
        at = frames.place(link)
        solid = [(part, True) for part in link.findall("collision")]
        places = [self._key(part) for part, _ in solid]
        seen = [(part, False) for part in link.findall("visual") if self._key(part) not in places]
        for part, collides in (*solid, *seen):
            where = f"{instance}: {part.tag} '{part.get('name')}'"
            form = self.form_of(part, where)
            match = next(
                (v for v in link.findall("visual") if self._key(v) == self._key(part)), part
            )
            paint = self._sdf_material(match)
            self._shape(form, place @ frames.within(part, at, where), paint, instance, collides)

    @staticmethod
    def _key(part: ET.Element) -> bytes:
        pose, geometry = part.find("pose"), part.find("geometry")
        written = [ET.tostring(each) for each in (pose, geometry) if each is not None]
        return b"".join(b"".join(text.split()) for text in written)

    def _sdf_material(self, visual: ET.Element) -> str:
        text = visual.findtext("material/diffuse") or visual.findtext("material/ambient")
        if text is None:
            return self._paint((_GREY,) * 3)
        red, green, blue = self.numbers(text, 0, "diffuse")[:3]
        return self._paint((red, green, blue))

    # --- URDF ----------------------------------------------------------------------------------

    def urdf(self, root: ET.Element) -> None:
        name = root.get("name") or "robot"
        joints = {}
        for joint in root.findall("joint"):
            parent, below = joint.find("parent"), joint.find("child")
            if parent is None or below is None:
                raise ModelFileError(
                    f"{self.file}: joint '{joint.get('name')}' lacks its parent or child"
                )
            joints[below.get("link")] = (parent.get("link"), joint)
            if joint.get("type") != "fixed":
                self.told.append(f"joint '{joint.get('name')}' is taken as fixed")
        colours = {
            material.get("name"): material.find("color")
            for material in root.findall("material")
            if material.find("color") is not None
        }
        for link in root.findall("link"):
            at = np.eye(4)
            current, seen = link.get("name"), set[str | None]()
            while current in joints and current not in seen:
                seen.add(current)
                current, joint = joints[current]
                at = self.origin(joint) @ at
            for tag, collides in (("collision", True), ("visual", False)):
                if tag == "visual" and link.find("collision") is not None:
                    continue
                for part in link.findall(tag):
                    where = f"{name}: {tag} of link '{link.get('name')}'"
                    form = self.form_of(part, where)
                    paint = self._urdf_material(link, colours)
                    self._shape(form, at @ self.origin(part), paint, name, collides)

    def _urdf_material(self, link: ET.Element, colours: dict[str | None, ET.Element | None]) -> str:
        material = link.find("visual/material")
        colour = None
        if material is not None:
            colour = material.find("color")
            if colour is None:
                colour = colours.get(material.get("name"))
        if colour is None:
            return self._paint((_GREY,) * 3)
        red, green, blue = self.numbers(colour.get("rgba", ""), 0, "rgba")[:3]
        return self._paint((red, green, blue))

    # --- both ----------------------------------------------------------------------------------

    def _paint(self, rgb: tuple[float, ...]) -> str:
        red, green, blue = (float(np.clip(value, 0.0, 1.0)) for value in rgb)
        name = f"paint {red:.3f} {green:.3f} {blue:.3f}"
        self.materials[name] = Material(grey=(red + green + blue) / 3.0, colour=(red, green, blue))
        return name

    def _shape(self, form: Form, at: Transform, paint: str, instance: str, solid: bool) -> None:
        place = at @ form.shift
        x, y, z = place[:3, 3].tolist()
        pose = Pose((x, y, z), quaternion_of(place[:3, :3]))
        self.shapes.append(
            Shape(form.kind, form.size, paint, pose, "scenery", form.mesh, solid, instance)
        )
