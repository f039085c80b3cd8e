"""Where each pixel's surface point is seen from another pose, at another time.

Points P of the first optical frame go to R P + T in the second one, with one (R, T) for the world
at rest and one for each geom that moved. With the ray (x, y, 1) = P / z, that is
z (R (x, y, 1) + T / z), so z drops out of the projection but for T / z.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikeloop_sim.event_camera.optics import Pinhole, Pose

_MARGIN = 0.004
"""How far out of its box a point still belongs to a geom, m: rounding, and rims in half a pixel."""


@dataclass(frozen=True)
class Placement:
    """Poses of the camera and all geoms at one time.

    Attributes:
        camera: pose of the optical frame.
        positions: (n, 3) of the geoms, m.
        rotations: (n, 3, 3) of the geoms.

    """

    camera: Pose
    positions: NDArray[np.float64]
    rotations: NDArray[np.float64]

    @staticmethod
    def of(data: mujoco.MjData, camera: Pose) -> Placement:
        """A copy of what `data` has now."""
        return Placement(camera, data.geom_xpos.copy(), data.geom_xmat.reshape(-1, 3, 3).copy())


def moved_geoms(before: Placement, after: Placement) -> NDArray[np.intp]:
    """Ids of the geoms that aren't where they were."""
    moved = np.abs(after.positions - before.positions).max(axis=1) > 1e-7
    moved |= np.abs(after.rotations - before.rotations).max(axis=(1, 2)) > 1e-7
    return np.flatnonzero(moved)


def transforms(before: Placement, after: Placement, moved: NDArray[np.intp]) -> NDArray[np.float32]:
    """(1 + n, 3, 4) float32, [R | T] of the world at rest and of each moved geom."""
    out = np.empty((1 + len(moved), 3, 4))
    first, second = before.camera, after.camera
    back = second.rotation.T
    out[0, :, :3] = back @ first.rotation
    out[0, :, 3] = back @ (first.position - second.position)
    for k, geom in enumerate(moved):
        turn = after.rotations[geom] @ before.rotations[geom].T
        shift = turn @ (first.position - before.positions[geom]) + after.positions[geom]
        out[1 + k, :, :3] = back @ turn @ first.rotation
        out[1 + k, :, 3] = back @ (shift - second.position)
    return out.astype(np.float32)


def nearest_depth(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) float32, the smallest of each pixel's 2 x 2 samples (2 h, 2 w)."""
    pairs = np.minimum(depth[::2], depth[1::2])
    return np.minimum(pairs[:, ::2], pairs[:, 1::2])


def labels(
    depth: NDArray[np.float32],
    lens: Pinhole,
    placement: Placement,
    model: mujoco.MjModel,
    geoms: NDArray[np.intp],
) -> NDArray[np.int16]:
    """Which of some geoms each pixel sees, found from depth by the boxes around the geoms.

    That saves a pass of the renderer, and errs only where something else is in a geom's box.

    Args:
        depth: (h, w) float32, m.
        lens: intrinsics of the h x w picture.
        placement: of the same time.
        model: has the boxes.
        geoms: ids of the geoms.

    Returns:
        (h, w) int16, 1 + index into `geoms`, 0 where there is none of them.

    """
    out = np.zeros(depth.shape, np.int16)
    camera = placement.camera
    signs = np.array(np.meshgrid(*[(-1.0, 1.0)] * 3)).reshape(3, 8).T
    k = np.array([lens.fx, lens.fy, lens.cx, lens.cy], np.float32)
    for index, geom in enumerate(geoms):
        turn = camera.rotation.T @ placement.rotations[geom]
        centre = camera.rotation.T @ (placement.positions[geom] - camera.position)
        box = model.geom_aabb[geom]
        half = box[3:] + _MARGIN
        corners = (box[:3] + signs * half) @ turn.T + centre
        low, high = np.zeros(2), np.array([lens.width - 1, lens.height - 1], float)
        if corners[:, 2].min() > 0.01:
            seen = lens.project(corners)
            low = np.maximum(np.floor(seen.min(axis=0)), low)
            high = np.minimum(np.ceil(seen.max(axis=0)), high)
        elif corners[:, 2].max() <= 0.0:
            continue
        # The optical frame seen from the middle of the box.
        middle = (turn.T @ centre + box[:3]).astype(np.float32)
        area = np.concatenate([low, high + 1]).astype(np.int64)
        back = np.ascontiguousarray(turn.T, np.float32)
        _label(depth, k, back, middle, half.astype(np.float32), area, np.int16(index + 1), out)
    return out


@njit(cache=True, error_model="numpy")
def _label(
    depth: Any, k: Any, back: Any, middle: Any, half: Any, area: Any, value: Any, out: Any
) -> None:
    for y in range(area[1], area[3]):
        for x in range(area[0], area[2]):
            z = depth[y, x]
            px, py = (x - k[2]) / k[0] * z, (y - k[3]) / k[1] * z
            # Half a pixel is more on surfaces far away or seen at a slant.
            slack = np.float32(0.5) * z / k[0]
            inside = True
            for axis in range(3):
                at = back[axis, 0] * px + back[axis, 1] * py + back[axis, 2] * z - middle[axis]
                inside &= abs(at) <= half[axis] + slack
            if inside:
                out[y, x] = value


@njit(cache=True, fastmath=True, error_model="numpy")
def displacements(depth: Any, label: Any, k: Any, motions: Any) -> Any:
    """Where each pixel's point goes.

    Args:
        depth: (h, w) float32, m.
        label: (h, w) int16, index into `motions`.
        k: (4,) float32, fx, fy, cx, cy.
        motions: (n, 3, 4) float32, [R | T].

    Returns:
        (h, w, 3) float32: columns and rows that it moves by, px, and new depth over old.

    """
    height, width = depth.shape
    out = np.empty((height, width, 3), np.float32)
    tiny = np.float32(1e-4)
    for r in range(height):
        y = (r - k[3]) / k[1]
        for c in range(width):
            x = (c - k[2]) / k[0]
            m = motions[label[r, c]]
            inverse = np.float32(1.0) / depth[r, c]
            px = m[0, 0] * x + m[0, 1] * y + m[0, 2] + m[0, 3] * inverse
            py = m[1, 0] * x + m[1, 1] * y + m[1, 2] + m[1, 3] * inverse
            pz = max(m[2, 0] * x + m[2, 1] * y + m[2, 2] + m[2, 3] * inverse, tiny)
            out[r, c, 0] = k[0] * (px / pz - x)
            out[r, c, 1] = k[1] * (py / pz - y)
            out[r, c, 2] = pz
    return out
