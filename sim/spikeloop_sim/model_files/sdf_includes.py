"""<include> in SDF files: replaced by the model that is meant, where it is on this machine."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from pathlib import Path

from spikeloop_sim.model_files.parts import ModelFileError, find_file, read_tree

_OWN = ("name", "pose", "static", "placement_frame")
_PLACED = ("link", "frame", "model")


def resolve_includes(
    file: Path, root: ET.Element, missing: list[str] | None = None, above: tuple[Path, ...] = ()
) -> None:
    """Replace every <include> below `root` by its model.

    A URI is looked for beside the file, by as much of its end as fits: `model://camera` is the
    folder `camera` with a `model.config` or `model.sdf`, or an SDF file.

    Args:
        file: of the root.
        root: changed in place.
        missing: gets a sentence for each one that isn't there, which is then left out; None where
            it is an error.
        above: files in which this one is included.

    Raises:
        ModelFileError: one isn't there (see `missing`), isn't a model, or includes itself.

    """
    holders = [holder for holder in root.iter() if holder.find("include") is not None]
    for holder in holders:
        for include in holder.findall("include"):
            uri = (include.findtext("uri") or "").strip()
            where = f"{file}: <include> of {uri or 'nothing'} in <{holder.tag}>"
            index = list(holder).index(include)
            holder.remove(include)
            path = _sdf_of(find_file(file.parent, uri)) if uri else None
            if path is None:
                text = f"{where}: it isn't there; it must lie beside {file.name}"
                if missing is None:
                    raise ModelFileError(text)
                missing.append(f"<include> of {uri} isn't there and is left out")
                continue
            if path.resolve() in (*above, file.resolve()):
                raise ModelFileError(f"{where}: {path.name} includes itself")
            model = _model_of(path, where)
            resolve_includes(path, model, missing, (*above, file.resolve()))
            _adapt(model, include, path)
            if include.get("merge") in ("true", "1"):
                _merge(holder, model)
            else:
                holder.insert(index, model)


def _sdf_of(path: Path | None) -> Path | None:
    if path is None or path.is_file():
        return path
    config = path / "model.config"
    if config.is_file():
        for entry in reversed(read_tree(config).findall("sdf")):
            if (named := path / (entry.text or "").strip()).is_file():
                return named
    found = path / "model.sdf"
    return found if found.is_file() else None


def _model_of(path: Path, where: str) -> ET.Element:
    root = read_tree(path)
    models = root.findall("model") if root.tag == "sdf" else []
    if len(models) != 1:
        raise ModelFileError(f"{where}: {path} must be SDF with one <model>, not {len(models)}")
    return models[0]


def _adapt(model: ET.Element, include: ET.Element, path: Path) -> None:
    """What the include says of the model; and its meshes by their full names."""
    name = (include.findtext("name") or "").strip()
    if name:
        model.set("name", name)
    placement = (include.findtext("placement_frame") or "").strip()
    if placement:
        model.set("placement_frame", placement)
    pose = include.find("pose")
    if pose is not None:
        for old in model.findall("pose"):
            model.remove(old)
        model.append(copy.deepcopy(pose))
    for child in include:
        if child.tag not in (*_OWN, "uri"):
            model.append(child)
    for mesh in model.iter("mesh"):
        uri = mesh.find("uri")
        there = None if uri is None else find_file(path.parent, (uri.text or "").strip())
        if uri is not None and there is not None:
            uri.text = str(there.resolve())


def _merge(holder: ET.Element, model: ET.Element) -> None:
    """Bring a model's elements into its holder; a frame stands for the model's own."""
    proxy = f"_merged__{model.get('name', '')}__model__"
    frame = ET.SubElement(holder, "frame", name=proxy)
    pose = model.find("pose")
    if pose is not None:
        frame.append(pose)
        model.remove(pose)
    for element in list(model):
        if element.tag in _PLACED:
            own = element.find("pose")
            if own is None:
                own = ET.SubElement(element, "pose")
                own.text = "0 0 0 0 0 0"
            if not own.get("relative_to") and not element.get("attached_to"):
                own.set("relative_to", proxy)
        for own in element.iter("pose"):
            if own.get("relative_to") == "__model__":
                own.set("relative_to", proxy)
        holder.append(element)
