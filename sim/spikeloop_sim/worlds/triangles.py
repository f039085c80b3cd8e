"""Shapes as triangles with normals and texture coordinates.

Texture coordinates count repeats, u to the right and v up as seen from outside, from a face's lower
left corner, so that a texture's bricks or windows stand on the ground and don't swim.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.worlds.scene import Mesh, Pose, Scene, Shape

Array = NDArray[np.float64]
_SIDES = 14
_RINGS = 6


@dataclass(frozen=True)
class Triangles:
    """Triangles that share nothing.

    Attributes:
        corners: (n, 3, 3) m, counter-clockwise from outside.
        normals: (n, 3, 3) unit vectors at the corners.
        uv: (n, 3, 2) texture coordinates, in repeats.

    """

    corners: Array
    normals: Array
    uv: Array

    def moved(self, pose: Pose) -> Triangles:
        """The same ones, from the frame at `pose` to the frame that holds it."""
        turn = rotation(pose.orientation)
        corners = self.corners @ turn.T + np.array(pose.position)
        return Triangles(corners, self.normals @ turn.T, self.uv)


def joined(parts: list[Triangles]) -> Triangles:
    """All of them, in order."""
    return Triangles(
        np.concatenate([part.corners for part in parts]),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.uv for part in parts]),
    )


def rotation(orientation: tuple[float, ...]) -> Array:
    """(3, 3) of a quaternion x, y, z, w."""
    x, y, z, w = np.array(orientation) / np.linalg.norm(orientation)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def triangles_of(shape: Shape, scene: Scene) -> Triangles:
    """A shape's surface in the frame that holds it.

    Raises:
        KeyError: its mesh or material isn't in the scene.

    """
    repeat = scene.materials[shape.material].repeat
    size = shape.size
    if shape.kind == "mesh":
        own = _mesh(scene.meshes[shape.mesh], size[0], repeat)
    elif shape.kind == "box":
        own = _box(np.array(size), repeat, shape.stretch)
    elif shape.kind == "cylinder":
        profile = [(0.0, -size[1]), (size[0], -size[1]), (size[0], size[1]), (0.0, size[1])]
        own = _turned(np.array(profile), False, repeat)
    else:
        half = size[1] if shape.kind == "capsule" else 0.0
        own = _turned(_round_profile(size[0], half), True, repeat)
    return own.moved(shape.pose)


_FACES = (
    # Normal, right and up as seen from outside, as axis and sign.
    ((0, 1), (1, 1), (2, 1)),
    ((0, -1), (1, -1), (2, 1)),
    ((1, 1), (0, -1), (2, 1)),
    ((1, -1), (0, 1), (2, 1)),
    ((2, 1), (0, 1), (1, 1)),
    ((2, -1), (0, -1), (1, 1)),
)
_QUAD = np.array([[-1, -1], [1, -1], [1, 1], [-1, -1], [1, 1], [-1, 1]], float)


def _box(half: Array, repeat: float, stretch: bool) -> Triangles:
    corners, normals, uv = [], [], []
    for out, right, up in _FACES:
        at = np.zeros((6, 3))
        at[:, out[0]] = out[1] * half[out[0]]
        at[:, right[0]] = _QUAD[:, 0] * right[1] * half[right[0]]
        at[:, up[0]] = _QUAD[:, 1] * up[1] * half[up[0]]
        extent = np.array([1.0, 1.0]) if stretch else 2.0 * half[[right[0], up[0]]] * repeat
        normal = np.zeros((6, 3))
        normal[:, out[0]] = out[1]
        corners.append(at)
        normals.append(normal)
        uv.append(0.5 * (_QUAD + 1.0) * extent)
    return Triangles(
        np.concatenate(corners).reshape(-1, 3, 3),
        np.concatenate(normals).reshape(-1, 3, 3),
        np.concatenate(uv).reshape(-1, 3, 2),
    )


def _round_profile(radius: float, half: float) -> Array:
    """(n, 2) radius and height of a sphere cut in the middle and drawn apart by 2 `half`."""
    angle = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 2 * (_RINGS // 2) + 1)
    ring = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    if half == 0.0:
        return ring
    middle = _RINGS // 2
    low, high = ring[: middle + 1].copy(), ring[middle:].copy()
    low[:, 1] -= half
    high[:, 1] += half
    return np.concatenate([low, high])


def _turned(profile: Array, smooth: bool, repeat: float) -> Triangles:
    """A profile (radius, height, from the bottom up) turned about z."""
    angle = np.linspace(0.0, 2.0 * np.pi, _SIDES + 1)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    around = angle * profile[:, 0].max() * repeat
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(profile, axis=0).T))]) * repeat
    corners, normals, uv = [], [], []
    for k in range(len(profile) - 1):
        (r0, z0), (r1, z1) = profile[k], profile[k + 1]
        slope = np.array([z1 - z0, r0 - r1])
        slope = slope / max(float(np.hypot(*slope)), 1e-12)
        for j in range(_SIDES):
            a, b = ring[j], ring[j + 1]
            quad = np.array([[*(r0 * a), z0], [*(r0 * b), z0], [*(r1 * b), z1], [*(r1 * a), z1]])
            if smooth:
                lift = np.array([0, 0, np.clip(0.0, profile[:, 1].min(), profile[:, 1].max())])
                middle = quad - lift
                core = profile[:, 1].max() - profile[:, 0].max()
                middle[:, 2] -= np.clip(middle[:, 2], -core, core)
                normal = middle / np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-12)
            else:
                sides = np.stack([a, b, b, a])
                normal = np.column_stack([sides * slope[0], np.full(4, slope[1])])
            place = np.array(
                [
                    [around[j], along[k]],
                    [around[j + 1], along[k]],
                    [around[j + 1], along[k + 1]],
                    [around[j], along[k + 1]],
                ]
            )
            for chosen, radius in (((0, 1, 2), r0), ((0, 2, 3), r1)):
                if radius > 1e-9:
                    corners.append(quad[list(chosen)])
                    normals.append(normal[list(chosen)])
                    uv.append(place[list(chosen)])
    return Triangles(np.array(corners), np.array(normals), np.array(uv))


def _mesh(mesh: Mesh, scale: float, repeat: float) -> Triangles:
    corners = scale * mesh.vertices[mesh.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    if mesh.uv is not None:
        uv = mesh.uv
    else:
        axis = np.abs(normal).argmax(axis=1)
        pairs = np.array([[1, 2], [0, 2], [0, 1]])[axis]
        uv = repeat * np.take_along_axis(corners, pairs[:, None, :].repeat(3, axis=1), axis=2)
    return Triangles(corners, np.repeat(normal[:, None], 3, axis=1), uv)
