"""SDF and URDF files of others as worlds.

Read are the shapes of all models and links: boxes, cylinders, spheres, capsules, ellipsoids (as
spheres), planes (as large boxes), and meshes as Wavefront OBJ or STL. What can't be read is told:
a mesh that is missing or of another kind is replaced by a box of half a metre, and joints, sensors
and plugins are left out. Everything stands still.
"""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.worlds.scene import Kind, Light, Material, Mesh, Pose, Quaternion, Scene, Shape
from spikeloop_sim.worlds.triangles import rotation

PLANE_M, REPLACED_M = 50.0, 0.25
"""Half the side of a plane without a size; half the side of a box in place of a mesh."""
_GREY = 0.5
Transform = NDArray[np.float64]


class WorldFileError(ValueError):
    """A file that is neither SDF nor URDF, or broken; the message names file and element."""


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
        file: its meshes are looked for beside it, by their relative or `model://` names.

    Raises:
        OSError: it can't be read.
        WorldFileError: see there.

    """
    try:
        root = ET.fromstring(file.read_bytes())
    except ET.ParseError as error:
        raise WorldFileError(f"{file}: not XML: {error}") from error
    reader = _Reader(file)
    if root.tag == "sdf":
        reader.sdf(root)
    elif root.tag == "robot":
        reader.urdf(root)
    else:
        raise WorldFileError(f"{file}: <{root.tag}> is neither <sdf> nor <robot> (URDF)")
    return reader.done()


class _Reader:
    def __init__(self, file: Path) -> None:
        self.file, self.told = file, list[str]()
        self.shapes: list[Shape] = []
        self.meshes: dict[str, Mesh] = {}
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
        holders = [root, *root.findall("world")]
        models = [model for holder in holders for model in holder.findall("model")]
        for holder in holders:
            for include in holder.findall("include"):
                uri = include.findtext("uri", "?").strip()
                self.told.append(f"<include> of {uri} is left out")
            for light in holder.findall("light"):
                self._light(light)
        if not models:
            raise WorldFileError(f"{self.file}: there is no <model> in it")
        for model in models:
            self._model(model, np.eye(4), "")

    def _light(self, light: ET.Element) -> None:
        if light.get("type") != "directional":
            self.told.append(f"light '{light.get('name')}' isn't directional and is left out")
            return
        x, y, z = self._numbers(light.findtext("direction", "0 0 -1"), 3, "direction")
        level = self._numbers(light.findtext("diffuse", "1 1 1 1"), 0, "diffuse")[:3]
        self.lights.append(Light((x, y, z), min(float(np.mean(level)), 1.0)))

    def _model(self, model: ET.Element, above: Transform, prefix: str) -> None:
        name = prefix + (model.get("name") or "model")
        place = above @ self._pose(model, f"model '{name}'")
        for nested in model.findall("model"):
            self._model(nested, place, f"{name}/")
        for tag in ("joint", "plugin"):
            if model.find(tag) is not None:
                self.told.append(f"model '{name}': every <{tag}> is left out")
        for link in model.findall("link"):
            if link.find("sensor") is not None:
                self.told.append(f"model '{name}': every <sensor> is left out")
            at = place @ self._pose(link, f"link '{link.get('name')}'")
            self._link(link, at, name)

    def _link(self, link: ET.Element, at: Transform, instance: str) -> None:
        """What is solid; and what is only seen where nothing is solid at the same place."""
        solid = [(part, True) for part in link.findall("collision")]
        places = [self._key(part) for part, _ in solid]
        seen = [(part, False) for part in link.findall("visual") if self._key(part) not in places]
        for part, collides in (*solid, *seen):
            where = f"{instance}: {part.tag} '{part.get('name')}'"
            geometry = part.find("geometry")
            if geometry is None or not len(geometry):
                raise WorldFileError(f"{self.file}: {where} has no geometry")
            match = next(
                (v for v in link.findall("visual") if self._key(v) == self._key(part)), part
            )
            material = self._sdf_material(match)
            place = at @ self._pose(part, where)
            self._shape(geometry[0], place, material, where, instance, collides)

    @staticmethod
    def _key(part: ET.Element) -> bytes:
        pose, geometry = part.find("pose"), part.find("geometry")
        written = [ET.tostring(each) for each in (pose, geometry) if each is not None]
        return b"".join(b"".join(text.split()) for text in written)

    def _sdf_material(self, visual: ET.Element) -> str:
        text = visual.findtext("material/diffuse") or visual.findtext("material/ambient")
        if text is None:
            return self._paint((_GREY,) * 3)
        red, green, blue = self._numbers(text, 0, "diffuse")[:3]
        return self._paint((red, green, blue))

    # --- URDF ----------------------------------------------------------------------------------

    def urdf(self, root: ET.Element) -> None:
        name = root.get("name") or "robot"
        joints = {}
        for joint in root.findall("joint"):
            parent, below = joint.find("parent"), joint.find("child")
            if parent is None or below is None:
                raise WorldFileError(
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
                at = self._origin(joint) @ at
            for tag, collides in (("collision", True), ("visual", False)):
                if tag == "visual" and link.find("collision") is not None:
                    continue
                for part in link.findall(tag):
                    where = f"{name}: {tag} of link '{link.get('name')}'"
                    geometry = part.find("geometry")
                    if geometry is None or not len(geometry):
                        raise WorldFileError(f"{self.file}: {where} has no geometry")
                    paint = self._urdf_material(link, colours)
                    place = at @ self._origin(part)
                    self._shape(geometry[0], place, paint, where, name, collides)

    def _urdf_material(self, link: ET.Element, colours: dict[str | None, ET.Element | None]) -> str:
        material = link.find("visual/material")
        colour = None
        if material is not None:
            colour = material.find("color")
            if colour is None:
                colour = colours.get(material.get("name"))
        if colour is None:
            return self._paint((_GREY,) * 3)
        red, green, blue = self._numbers(colour.get("rgba", ""), 0, "rgba")[:3]
        return self._paint((red, green, blue))

    def _origin(self, element: ET.Element) -> Transform:
        origin = element.find("origin")
        if origin is None:
            return np.eye(4)
        xyz = self._numbers(origin.get("xyz", "0 0 0"), 3, "origin")
        rpy = self._numbers(origin.get("rpy", "0 0 0"), 3, "origin")
        return _transform((*xyz, *rpy))

    # --- both ----------------------------------------------------------------------------------

    def _pose(self, element: ET.Element, where: str) -> Transform:
        pose = element.find("pose")
        if pose is None or not (pose.text or "").strip():
            return np.eye(4)
        if pose.get("relative_to"):
            self.told.append(
                f"{where}: relative_to='{pose.get('relative_to')}' is taken as its holder"
            )
        return _transform(self._numbers(pose.text or "", 6, f"pose of {where}"))

    def _numbers(self, text: str, count: int, where: str) -> tuple[float, ...]:
        try:
            values = tuple(float(value) for value in text.split())
        except ValueError as error:
            raise WorldFileError(f"{self.file}: {where}: {error}") from error
        if (count and len(values) != count) or not np.isfinite(values).all() or not values:
            raise WorldFileError(f"{self.file}: {where}: '{text}' isn't {count or 'some'} numbers")
        return values

    def _paint(self, rgb: tuple[float, ...]) -> str:
        red, green, blue = (float(np.clip(value, 0.0, 1.0)) for value in rgb)
        name = f"paint {red:.3f} {green:.3f} {blue:.3f}"
        self.materials[name] = Material(grey=(red + green + blue) / 3.0, colour=(red, green, blue))
        return name

    def _shape(
        self, form: ET.Element, at: Transform, paint: str, where: str, instance: str, solid: bool
    ) -> None:
        kind, size, mesh, shift = self._form(form, where)
        place = at @ shift
        x, y, z = place[:3, 3].tolist()
        pose = Pose((x, y, z), quaternion_of(place[:3, :3]))
        self.shapes.append(Shape(kind, size, paint, pose, "scenery", mesh, solid, instance))

    def _form(self, form: ET.Element, where: str) -> tuple[Kind, tuple[float, ...], str, Transform]:
        """Kind, size, name of the mesh, and where the shape's centre is."""

        def value(name: str, count: int = 1, usual: str = "") -> tuple[float, ...]:
            text = form.get(name) or form.findtext(name) or usual
            return self._numbers(text, count, f"{where}: {form.tag} {name}")

        stay = np.eye(4)
        if form.tag == "box":
            return "box", tuple(0.5 * side for side in value("size", 3)), "", stay
        if form.tag in ("cylinder", "capsule"):
            size = (value("radius")[0], 0.5 * value("length")[0])
            return ("cylinder" if form.tag == "cylinder" else "capsule"), size, "", stay
        if form.tag == "sphere":
            return "sphere", value("radius"), "", stay
        if form.tag == "ellipsoid":
            self.told.append(f"{where}: an ellipsoid is taken as a sphere of its mean radius")
            return "sphere", (float(np.mean(value("radii", 3))),), "", stay
        if form.tag == "plane":
            long, wide = value("size", 2, f"{2 * PLANE_M} {2 * PLANE_M}")
            shift = np.eye(4)
            shift[2, 3] = -0.05
            normal = value("normal", 3, "0 0 1")
            return "box", (0.5 * long, 0.5 * wide, 0.05), "", _turned(normal) @ shift
        if form.tag == "mesh":
            return self._mesh(form, where)
        self.told.append(f"{where}: <{form.tag}> is replaced by a box")
        return "box", (REPLACED_M,) * 3, "", stay

    def _mesh(self, form: ET.Element, where: str) -> tuple[Kind, tuple[float, ...], str, Transform]:
        uri = (form.get("filename") or form.findtext("uri") or "").strip()
        scale = self._numbers(form.get("scale") or form.findtext("scale") or "1 1 1", 3, where)
        name = f"{uri} {scale}"
        if name not in self.meshes:
            path = self._find(uri)
            if path is None:
                self.told.append(f"{where}: mesh {uri} isn't there and is replaced by a box")
                return "box", (REPLACED_M,) * 3, "", np.eye(4)
            try:
                corners = np.array(scale) * _triangles(path)
            except (ValueError, struct.error) as error:
                self.told.append(f"{where}: mesh {uri}: {error}; it is replaced by a box")
                return "box", (REPLACED_M,) * 3, "", np.eye(4)
            faces = np.arange(3 * len(corners), dtype=np.int32).reshape(-1, 3)
            self.meshes[name] = Mesh(corners.reshape(-1, 3), faces)
        return "mesh", (1.0,), name, np.eye(4)

    def _find(self, uri: str) -> Path | None:
        """A mesh's file beside the world's, by as much of its name as fits."""
        parts = Path(uri.split("://", 1)[-1]).parts
        for begin in range(len(parts)):
            path = self.file.parent.joinpath(*parts[begin:])
            if path.is_file():
                return path
        return None


def _triangles(path: Path) -> NDArray[np.float64]:
    """(n, 3, 3) of an OBJ or STL file.

    Raises:
        ValueError: of another kind, or broken.

    """
    kind = path.suffix.lower()
    if kind == ".obj":
        found = _obj(path.read_text(encoding="utf-8", errors="replace"))
    elif kind == ".stl":
        found = _stl(path.read_bytes())
    else:
        raise ValueError(f"'{kind}' isn't read, only .obj and .stl")
    if not len(found) or not np.isfinite(found).all():
        raise ValueError("it has no triangles, or values that aren't finite")
    return found


def _obj(text: str) -> NDArray[np.float64]:
    points, faces = [], []
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            points.append([float(word) for word in words[1:4]])
        elif words[0] == "f":
            corners = [int(word.split("/")[0]) for word in words[1:]]
            corners = [k - 1 if k > 0 else len(points) + k for k in corners]
            faces += [[corners[0], *corners[k : k + 2]] for k in range(1, len(corners) - 1)]
    table = np.array(faces, int).reshape(-1, 3)
    if len(table) and not (table.min() >= 0 and table.max() < len(points)):
        raise ValueError("a face names a vertex that isn't there")
    found: NDArray[np.float64] = np.array(points, float).reshape(-1, 3)[table]
    return found


def _stl(data: bytes) -> NDArray[np.float64]:
    count = struct.unpack_from("<I", data, 80)[0] if len(data) >= 84 else -1
    if len(data) == 84 + 50 * count:
        kind = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("more", "<u2")])
        return np.frombuffer(data, kind, count, 84)["corners"].astype(np.float64)
    lines = data.decode("ascii", "replace").split()
    at = [k for k, word in enumerate(lines) if word == "vertex"]
    values = [[float(word) for word in lines[k + 1 : k + 4]] for k in at]
    return np.array(values, float).reshape(-1, 3, 3)


def _transform(pose: tuple[float, ...]) -> Transform:
    """Of x, y, z, roll, pitch, yaw: turns about the fixed axes x, y and z in this order."""
    out = np.eye(4)
    out[:3, 3] = pose[:3]
    for angle, axis in zip(pose[3:], range(3), strict=True):
        half = np.zeros(4)
        half[axis], half[3] = np.sin(0.5 * angle), np.cos(0.5 * angle)
        out[:3, :3] = rotation(tuple(half)) @ out[:3, :3]
    return out


def _turned(normal: tuple[float, ...]) -> Transform:
    """The turn from z to a plane's normal."""
    z = np.array(normal) / np.linalg.norm(normal)
    other = np.array([1.0, 0.0, 0.0]) if abs(z[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    x = other - (other @ z) * z
    x /= np.linalg.norm(x)
    out = np.eye(4)
    out[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    return out


def quaternion_of(turn: NDArray[np.float64]) -> Quaternion:
    """x, y, z, w of a rotation matrix, by its largest component."""
    trace = float(np.trace(turn))
    squares = np.array([*(1.0 + 2.0 * np.diag(turn) - trace), 1.0 + trace])
    k = int(squares.argmax())
    out = np.empty(4)
    if k == 3:
        out[:] = (turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1],
                  squares[3])  # fmt: skip
    else:
        i, j = (k + 1) % 3, (k + 2) % 3
        out[k], out[3] = squares[k], turn[j, i] - turn[i, j]
        out[i], out[j] = turn[i, k] + turn[k, i], turn[j, k] + turn[k, j]
    out /= np.linalg.norm(out)
    x, y, z, w = out.tolist()
    return (x, y, z, w)
