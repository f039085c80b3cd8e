"""A world seen from above: outlines of what stands in the way."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.worlds.scene import Scene, Shape
from spikeloop_sim.worlds.triangles import triangles_of

_CORNERS = 16


def outlines(scene: Scene, low: float, high: float) -> tuple[NDArray[np.float64], ...]:
    """Outlines of the solid shapes that reach into a range of heights.

    Args:
        scene: the world.
        low: m; what ends below is driven over.
        high: m; what begins above is driven under.

    Returns:
        Closed polygons without the closing point, (n, 2) each, m in `map`.

    """
    found = []
    for shape in scene.shapes:
        if not shape.collides:
            continue
        points = _corners(shape, scene)
        if points[:, 2].max() > low and points[:, 2].min() < high:
            found.append(_hull(points[:, :2]))
    return tuple(found)


def _corners(shape: Shape, scene: Scene) -> NDArray[np.float64]:
    """(n, 3) points whose hull is the shape's, in `map`."""
    if shape.kind == "mesh":
        corners: NDArray[np.float64] = triangles_of(shape, scene).corners.reshape(-1, 3)
        return corners
    if shape.kind == "box":
        signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
        local = signs * np.array(shape.size)
    else:
        angle = 2.0 * math.pi * np.arange(_CORNERS) / _CORNERS
        radius = shape.size[0]
        top = radius if shape.kind == "sphere" else shape.size[1]
        ring = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        local = np.concatenate([np.column_stack([ring, np.full(_CORNERS, z)]) for z in (-top, top)])
    x, y, z, w = shape.pose.orientation
    axis, point = np.array([x, y, z]), np.array(shape.pose.position)
    turned = local + 2.0 * np.cross(axis, np.cross(axis, local) + w * local)
    placed: NDArray[np.float64] = turned + point
    return placed


def _hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convex hull, counter-clockwise (Andrew's monotone chain)."""
    rows = sorted({(round(x, 6), round(y, 6)) for x, y in points.tolist()})

    def half(order: list[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for point in order:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0.0:
                chain.pop()
            chain.append(point)
        return chain[:-1]

    return np.array([*half(rows), *half(rows[::-1])] or rows)


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
