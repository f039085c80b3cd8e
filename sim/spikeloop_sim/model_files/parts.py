"""Elements that URDF and SDF files share: numbers, poses, shapes, meshes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spikeloop_sim.model_files.meshes import triangles
from spikeloop_sim.model_files.transforms import Transform, transform, turned
from spikeloop_sim.worlds.scene import Kind, Mesh
from spikeloop_sim.worlds.triangles import rotation

PLANE_M = 50.0
"""Half the side of a plane without a size."""


class ModelFileError(ValueError):
    """A file that is no URDF or SDF, or can't be used; the message names file and element."""


@dataclass(frozen=True)
class Form:
    """A shape.

    Attributes:
        kind: of a scene's shape.
        size: as there: half extents, or radius and half length, m.
        mesh: name in `Parts.meshes`; empty for other kinds.
        shift: (4, 4), where its centre is in the frame of its element.

    """

    kind: Kind
    size: tuple[float, ...]
    mesh: str
    shift: Transform


def read_tree(file: Path) -> ET.Element:
    """The root element of a file.

    Raises:
        OSError: it can't be read.
        ModelFileError: it isn't XML, or a xacro file that wasn't expanded.

    """
    try:
        root = ET.fromstring(file.read_bytes())
    except ET.ParseError as error:
        raise ModelFileError(f"{file}: not XML: {error}") from error
    for element in root.iter():
        if "xacro" in element.tag:
            name = element.tag.rsplit("}", 1)[-1]
            raise ModelFileError(
                f"{file}: has <xacro:{name}>, so it must be expanded first: "
                f"xacro {file.name} > {file.stem.split('.')[0]}.urdf"
            )
    return root


class Parts:
    """Reads elements of one file, and gathers meshes and what is to be told."""

    def __init__(self, file: Path, replaced_m: float) -> None:
        """Meshes are looked for beside the file; `replaced_m` is half the side of a box for one."""
        self.file, self.told = file, list[str]()
        self.meshes: dict[str, Mesh] = {}
        self._replaced = (replaced_m,) * 3

    def numbers(self, text: str, count: int, where: str) -> tuple[float, ...]:
        """Finite numbers, so many or, if 0, any."""
        try:
            values = tuple(float(value) for value in text.split())
        except ValueError as error:
            raise ModelFileError(f"{self.file}: {where}: {error}") from error
        if (count and len(values) != count) or not np.isfinite(values).all() or not values:
            raise ModelFileError(f"{self.file}: {where}: '{text}' isn't {count or 'some'} numbers")
        return values

    def number(self, element: ET.Element, tag: str, where: str) -> float | None:
        """The number in a child element, None where there is none; infinity is one."""
        text = element.findtext(tag)
        if text is None or not text.strip():
            return None
        try:
            return float(text)
        except ValueError as error:
            raise ModelFileError(f"{self.file}: {where}: <{tag}>: {error}") from error

    def pose(self, element: ET.Element, where: str) -> Transform:
        """An SDF element's <pose>, in whatever frame it is given."""
        pose = element.find("pose")
        if pose is None or not (pose.text or "").strip():
            return np.eye(4)
        values = self.numbers(pose.text or "", 0, f"pose of {where}")
        quaternion = pose.get("rotation_format") == "quat_xyzw"
        if len(values) != (7 if quaternion else 6):
            count = 7 if quaternion else 6
            raise ModelFileError(
                f"{self.file}: pose of {where}: '{pose.text}' isn't {count} numbers"
            )
        if quaternion:
            return _of_quaternion(values)
        if pose.get("degrees") in ("true", "1"):
            values = (*values[:3], *np.radians(values[3:]).tolist())
        return transform(values)

    def origin(self, element: ET.Element, where: str = "origin") -> Transform:
        """A URDF element's <origin>."""
        origin = element.find("origin")
        if origin is None:
            return np.eye(4)
        xyz = self.numbers(origin.get("xyz") or "0 0 0", 3, where)
        rpy = self.numbers(origin.get("rpy") or "0 0 0", 3, where)
        return transform((*xyz, *rpy))

    def form_of(self, part: ET.Element, where: str) -> Form:
        """The shape of a <visual> or <collision>."""
        geometry = part.find("geometry")
        if geometry is None or not len(geometry):
            raise ModelFileError(f"{self.file}: {where} has no geometry")
        return self.form(geometry[0], where)

    def form(self, form: ET.Element, where: str) -> Form:
        """The shape of an element such as <box>."""

        def value(name: str, count: int = 1, usual: str = "") -> tuple[float, ...]:
            text = form.get(name) or form.findtext(name) or usual
            return self.numbers(text, count, f"{where}: {form.tag} {name}")

        stay = np.eye(4)
        if form.tag == "box":
            return Form("box", tuple(0.5 * side for side in value("size", 3)), "", stay)
        if form.tag in ("cylinder", "capsule"):
            size = (value("radius")[0], 0.5 * value("length")[0])
            return Form("cylinder" if form.tag == "cylinder" else "capsule", size, "", stay)
        if form.tag == "sphere":
            return Form("sphere", value("radius"), "", stay)
        if form.tag == "ellipsoid":
            self.told.append(f"{where}: an ellipsoid is taken as a sphere of its mean radius")
            return Form("sphere", (float(np.mean(value("radii", 3))),), "", stay)
        if form.tag == "plane":
            long, wide = value("size", 2, f"{2 * PLANE_M} {2 * PLANE_M}")
            shift = np.eye(4)
            shift[2, 3] = -0.05
            normal = value("normal", 3, "0 0 1")
            return Form("box", (0.5 * long, 0.5 * wide, 0.05), "", turned(normal) @ shift)
        if form.tag == "mesh":
            return self._mesh(form, where)
        self.told.append(f"{where}: <{form.tag}> is replaced by a box")
        return Form("box", self._replaced, "", stay)

    def _mesh(self, form: ET.Element, where: str) -> Form:
        uri = (form.get("filename") or form.findtext("uri") or "").strip()
        scale = self.numbers(form.get("scale") or form.findtext("scale") or "1 1 1", 3, where)
        name = f"{uri} {scale}"
        if name not in self.meshes:
            path = find_file(self.file.parent, uri)
            if path is None:
                self.told.append(f"{where}: mesh {uri} isn't there and is replaced by a box")
                return Form("box", self._replaced, "", np.eye(4))
            try:
                corners = np.array(scale) * triangles(path)
            except ValueError as error:
                self.told.append(f"{where}: mesh {uri}: {error}; it is replaced by a box")
                return Form("box", self._replaced, "", np.eye(4))
            faces = np.arange(3 * len(corners), dtype=np.int32).reshape(-1, 3)
            self.meshes[name] = Mesh(corners.reshape(-1, 3), faces)
        return Form("mesh", (1.0,), name, np.eye(4))


def find_file(folder: Path, uri: str) -> Path | None:
    """A file or folder beside another one, by as much of its name's end as fits."""
    parts = Path(uri.split("://", 1)[-1]).parts
    for begin in range(len(parts)):
        path = folder.joinpath(*parts[begin:])
        if path.exists():
            return path
    return None


def _of_quaternion(values: tuple[float, ...]) -> Transform:
    out = np.eye(4)
    out[:3, 3] = values[:3]
    out[:3, :3] = rotation(values[3:])
    return out
