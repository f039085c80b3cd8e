"""Frames of an SDF model, by the semantics of SDFormat 1.7 and later.

http://sdformat.org/tutorials?tut=pose_frame_semantics: a pose is relative to what `relative_to`
names; without it a link's, frame's or nested model's to the model, a joint's to its child, and
that of what a link holds to the link. Names of nested models' frames are joined by `::`.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np

from spikeloop.parameters import suggestion
from spikeloop_sim.model_files.parts import ModelFileError, Parts
from spikeloop_sim.model_files.transforms import Transform, inverse

_KINDS = ("link", "frame", "joint", "model")
_SELF = ("", "__model__", "world")


class Frames:
    """The frames of a <model>, or of a <world> and its models."""

    def __init__(self, parts: Parts, holder: ET.Element) -> None:
        """Index the elements; poses are worked out when they are asked for."""
        self._parts, self.element = parts, holder
        self.name = f"{holder.tag} '{holder.get('name', '')}'"
        self._elements: dict[str, ET.Element] = {}
        self.nested: dict[str, Frames] = {}
        for kind in _KINDS:
            for element in holder.findall(kind):
                name = element.get("name", "")
                self._elements.setdefault(name, element)
                if kind == "model":
                    self.nested.setdefault(name, Frames(parts, element))
        self._under_way: list[str] = []

    def pose(self, name: str) -> Transform:
        """Of a frame, link, joint or nested model, in this holder's own frame.

        Raises:
            ModelFileError: there is no such frame, or it hangs on itself.

        """
        if name in _SELF:
            return np.eye(4)
        head, _, rest = name.partition("::")
        if rest:
            return self.pose(head) @ self._inner(head, name).pose(rest)
        if name in self._under_way:
            ring = " -> ".join([*self._under_way, name])
            raise ModelFileError(f"{self._parts.file}: {self.name}: frames in a ring: {ring}")
        self._under_way.append(name)
        try:
            return self.place(self._known(name))
        finally:
            self._under_way.pop()

    def place(self, element: ET.Element) -> Transform:
        """Of one of the holder's own elements."""
        where = f"{element.tag} '{element.get('name', '')}' of {self.name}"
        own = self._parts.pose(element, where)
        found = self.pose(self._base(element)) @ own
        inner = element.get("placement_frame") if element.tag == "model" else None
        if inner:
            # The pose is that of a frame within the model.
            found = found @ inverse(Frames(self._parts, element).pose(inner))
        return found

    def within(self, element: ET.Element, link: Transform, where: str) -> Transform:
        """Of what a link holds, such as a sensor, in the holder's frame."""
        pose = element.find("pose")
        relative = pose.get("relative_to", "") if pose is not None else ""
        base = self.pose(relative) if relative else link
        return base @ self._parts.pose(element, where)

    def link_of(self, name: str) -> str:
        """Name of the link to which a frame is attached; the link's own for a link.

        Raises:
            ModelFileError: there is no such frame, or no link behind it.

        """
        head, _, rest = name.partition("::")
        if rest:
            return f"{head}::{self._inner(head, name).link_of(rest)}"
        if name == "__model__":
            return self._canonical()
        element, seen = self._known(name), {name}
        if element.tag == "link":
            return name
        if element.tag == "model":
            return f"{name}::{self.nested[name]._canonical()}"
        holds = element.findtext("child") or "" if element.tag == "joint" else ""
        target = holds.strip() or element.get("attached_to") or "__model__"
        if target in seen:
            raise ModelFileError(f"{self._parts.file}: {self.name}: frame '{name}' hangs on itself")
        return self.link_of(target)

    def _canonical(self) -> str:
        named = self.element.get("canonical_link")
        if named:
            return self.link_of(named)
        link = self.element.find("link")
        if link is not None:
            return link.get("name", "")
        for name, inner in self.nested.items():
            return f"{name}::{inner._canonical()}"
        raise ModelFileError(f"{self._parts.file}: {self.name} has no link")

    def _base(self, element: ET.Element) -> str:
        pose = element.find("pose")
        relative = pose.get("relative_to", "") if pose is not None else ""
        if relative:
            return relative
        if element.tag == "joint":
            return (element.findtext("child") or "").strip()
        return element.get("attached_to", "") if element.tag == "frame" else ""

    def _known(self, name: str) -> ET.Element:
        try:
            return self._elements[name]
        except KeyError:
            known = ", ".join(self._elements) or "none"
            raise ModelFileError(
                f"{self._parts.file}: {self.name}: there is no frame '{name}'"
                f"{suggestion(name, self._elements)}; there are: {known}"
            ) from None

    def _inner(self, head: str, name: str) -> Frames:
        if head not in self.nested:
            raise ModelFileError(
                f"{self._parts.file}: {self.name}: '{name}': there is no nested model '{head}'"
            )
        return self.nested[head]
