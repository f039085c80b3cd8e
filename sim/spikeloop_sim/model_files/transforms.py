"""Poses of URDF and SDF files as matrices, and back to quaternions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.worlds.scene import Quaternion
from spikeloop_sim.worlds.triangles import rotation

Transform = NDArray[np.float64]
"""(4, 4), from a frame to the one that holds it, m."""


def transform(pose: Sequence[float]) -> Transform:
    """Of x, y, z, roll, pitch, yaw: turns about the fixed axes x, y and z in this order."""
    out = np.eye(4)
    out[:3, 3] = pose[:3]
    for angle, axis in zip(pose[3:], range(3), strict=True):
        half = np.zeros(4)
        half[axis], half[3] = np.sin(0.5 * angle), np.cos(0.5 * angle)
        out[:3, :3] = rotation(tuple(half)) @ out[:3, :3]
    return out


def inverse(pose: Transform) -> Transform:
    """From the frame that holds it to the frame."""
    out = np.eye(4)
    out[:3, :3] = pose[:3, :3].T
    out[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    return out


def turned(normal: tuple[float, ...]) -> Transform:
    """The turn from z to a plane's normal."""
    z = np.array(normal) / np.linalg.norm(normal)
    other = np.array([1.0, 0.0, 0.0]) if abs(z[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    x = other - (other @ z) * z
    x /= np.linalg.norm(x)
    out = np.eye(4)
    out[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    return out


def roll_pitch_yaw(turn: NDArray[np.float64]) -> tuple[float, float, float]:
    """Angles about the fixed axes x, y and z, rad, of a rotation matrix (3, 3)."""
    level = float(np.hypot(turn[0, 0], turn[1, 0]))
    pitch = float(np.arctan2(-turn[2, 0], level))
    if level < 1e-9:
        # Roll and yaw turn about the same axis; all is put into the roll.
        return float(np.arctan2(-turn[1, 2], turn[1, 1])), pitch, 0.0
    roll = float(np.arctan2(turn[2, 1], turn[2, 2]))
    return roll, pitch, float(np.arctan2(turn[1, 0], turn[0, 0]))


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
