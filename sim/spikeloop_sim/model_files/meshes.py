"""Triangles of mesh files: Wavefront OBJ, STL, and COLLADA where its reader is installed."""

from __future__ import annotations

import importlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXTRA = "pip install spikeloop[meshes]"


def triangles(path: Path) -> NDArray[np.float64]:
    """(n, 3, 3) corners of an OBJ, STL or DAE file, in its units; COLLADA in m, z up.

    Raises:
        ValueError: of another kind, broken, or COLLADA without its reader.

    """
    kind = path.suffix.lower()
    try:
        if kind == ".obj":
            found = _obj(path.read_text(encoding="utf-8", errors="replace"))
        elif kind == ".stl":
            found = _stl(path.read_bytes())
        elif kind == ".dae":
            found = _collada(path)
        else:
            raise ValueError(f"'{kind}' isn't read, only .obj, .stl and .dae")
    except (struct.error, IndexError) as error:
        raise ValueError(str(error)) from error
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


def _collada(path: Path) -> NDArray[np.float64]:
    """All triangles of the scene, its nodes' transforms, unit and upward axis applied."""
    try:
        collada = importlib.import_module("collada")
    except ModuleNotFoundError as error:
        raise ValueError(f"COLLADA needs a reader: {EXTRA}") from error
    errors: type[Exception] = collada.common.DaeError
    ignored = [collada.common.DaeUnsupportedError, collada.common.DaeBrokenRefError]
    try:
        document = collada.Collada(str(path), ignore=ignored)
        parts = [
            np.array(piece.vertex, float)[np.array(piece.vertex_index, int)]
            for geometry in document.scene.objects("geometry")
            for primitive in geometry.primitives()
            if (piece := _as_triangles(primitive)) is not None and len(piece)
        ]
    except (errors, AttributeError, OSError) as error:
        raise ValueError(f"no COLLADA that can be read: {error}") from error
    found = np.concatenate(parts) if parts else np.zeros((0, 3, 3))
    scale = document.assetInfo.unitmeter or 1.0
    axis = str(document.assetInfo.upaxis)
    if axis == "Y_UP":
        found = found[..., [2, 0, 1]]
    elif axis == "X_UP":
        found = np.stack([-found[..., 2], found[..., 1], found[..., 0]], axis=-1)
    out: NDArray[np.float64] = scale * found
    return out


def _as_triangles(primitive: Any) -> Any:
    """A set of triangles, or None of what has no faces."""
    make = getattr(primitive, "triangleset", None)
    if make is not None:
        return make()
    return primitive if type(primitive).__name__ == "BoundTriangleSet" else None
