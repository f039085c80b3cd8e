"""Lens and pose of a camera, in the optical frame of REP-103: x right, y down, z forward."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Pinhole:
    """A lens without distortion; the centre of pixel (column, row) is at these whole numbers.

    Attributes:
        width: columns.
        height: rows.
        fx: focal length along rows, px.
        fy: focal length along columns, px.
        cx: column of the principal point, px.
        cy: row of the principal point, px.

    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        """Refuse what no camera has."""
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a picture of {self.width} x {self.height} pixels can't be made")
        if not (self.fx > 0.0 and self.fy > 0.0):
            raise ValueError(f"fx and fy must be above 0, not {self.fx} and {self.fy}")

    @staticmethod
    def of_field(width: int, height: int, horizontal_rad: float) -> Pinhole:
        """Square pixels, centred, seeing `horizontal_rad` (rad) from edge to edge."""
        focal = 0.5 * width / math.tan(0.5 * horizontal_rad)
        return Pinhole(width, height, focal, focal, 0.5 * (width - 1), 0.5 * (height - 1))

    def rays(self) -> NDArray[np.float64]:
        """(height, width, 2), x/z and y/z of each pixel's centre in the optical frame."""
        x = (np.arange(self.width) - self.cx) / self.fx
        y = (np.arange(self.height) - self.cy) / self.fy
        return np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1)

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Column and row, (n, 2), of points (n, 3) in the optical frame, m."""
        x, y, z = points.T
        return np.stack([self.fx * x / z + self.cx, self.fy * y / z + self.cy], axis=1)


@dataclass(frozen=True)
class Pose:
    """Where a camera or a body is.

    Attributes:
        position: (3,) m, in the world.
        rotation: (3, 3), turns its own frame into the world's.

    """

    position: Vector
    rotation: Vector

    @staticmethod
    def looking(position: Vector, forward: Vector, up: Vector | None = None) -> Pose:
        """The pose of a camera at `position` that looks along `forward`; up is the world's z.

        Raises:
            ValueError: `forward` and `up` are parallel.

        """
        z = np.asarray(forward, float) / np.linalg.norm(forward)
        x = np.cross(z, np.array([0.0, 0.0, 1.0]) if up is None else up)
        if np.linalg.norm(x) < 1e-9:
            raise ValueError(f"a camera that looks along {z} needs another up than {up}")
        x /= np.linalg.norm(x)
        return Pose(np.asarray(position, float), np.stack([x, np.cross(z, x), z], axis=1))


@dataclass(frozen=True)
class Twist:
    """Velocities in the world's axes.

    Attributes:
        linear: (3,) m/s, of the frame's origin.
        angular: (3,) rad/s.

    """

    linear: Vector
    angular: Vector

    @staticmethod
    def none() -> Twist:
        """At rest."""
        return Twist(np.zeros(3), np.zeros(3))
