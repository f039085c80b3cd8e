"""Smooth closed curves of a wanted length that don't cross themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.worlds.scene import Mesh

Array = NDArray[np.float64]
_FINE = 20_000


@dataclass(frozen=True)
class Loop:
    """A closed curve, counter-clockwise, from its first point round to it.

    Attributes:
        length: m.
        fine: (n, 2) points at equal distances; the last is a step before the first.

    """

    length: float
    fine: Array

    @staticmethod
    def make(random: np.random.Generator, length: float, least_radius: float) -> Loop:
        """A wavy ring about the origin.

        The distance from the middle is a constant with four harmonics, which are flattened until
        no bend is tighter than `least_radius`, m.

        Raises:
            ValueError: a circle of this length is tighter than that.

        """
        if length < 2.0 * np.pi * least_radius:
            raise ValueError(
                f"a loop of {length:g} m is a circle of {length / 2 / np.pi:.1f} m at most; "
                f"bends of {least_radius:g} m don't fit"
            )
        angle = np.linspace(0.0, 2.0 * np.pi, _FINE, endpoint=False)
        order = np.arange(2, 6)
        size, phase = random.uniform(0.3, 1.0, 4) / order, random.uniform(0, 2 * np.pi, 4)
        strength = 0.6
        while True:
            wave = (size[:, None] * np.sin(order[:, None] * angle + phase[:, None])).sum(axis=0)
            radius = np.maximum(1.0 + strength * wave, 0.25)
            points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
            loop = _even(points, length)
            if loop.tightest() >= least_radius or strength < 1e-3:
                return loop
            strength *= 0.9

    def tightest(self) -> float:
        """The smallest radius of a bend, m."""
        step = 25
        yaw = np.unwrap(self.at(np.linspace(0.0, self.length, _FINE // step))[:, 2])
        bend = np.abs(np.diff(yaw)).max() / (self.length / (_FINE // step - 1))
        return float(1.0 / max(bend, 1e-12))

    def at(self, way: Array, side: float | Array = 0.0) -> Array:
        """(n, 3) x, y and heading at the ways (n,), m, moved to the left by `side`, m."""
        count = len(self.fine)
        place = np.asarray(way) / self.length * count
        low = np.floor(place).astype(int)
        part = (place - low)[:, None]
        a, b = self.fine[low % count], self.fine[(low + 1) % count]
        ahead, behind = self.fine[(low + 12) % count], self.fine[(low - 11) % count]
        step = ahead - behind
        yaw = np.arctan2(step[:, 1], step[:, 0])
        point = a + part * (b - a)
        point += np.asarray(side)[..., None] * np.stack([-np.sin(yaw), np.cos(yaw)], axis=1)
        return np.column_stack([point, yaw])

    def ribbon(
        self,
        ends: tuple[float, float],
        sides: tuple[float, float],
        heights: tuple[float, float],
        period: float,
        step: float = 3.0,
    ) -> Mesh:
        """A strip along the curve.

        Args:
            ends: ways of begin and end, m.
            sides: of its right and its left rim, m to the left; on a vertical strip both alike.
            heights: of these rims, m.
            period: length of the texture along the way, m; across it is laid once.
            step: between its cross sections, m.

        """
        count = max(int(np.ceil((ends[1] - ends[0]) / step)), 1) + 1
        way = np.linspace(*ends, count)
        right, left = (
            np.column_stack([self.at(way, side)[:, :2], np.full(count, height)])
            for side, height in zip(sides, heights, strict=True)
        )
        vertices = np.concatenate([right, left])
        k = np.arange(count - 1)
        a, b, c, d = k, k + 1, k + 1 + count, k + count
        faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
        along = np.concatenate([way, way]) / period
        across = np.repeat([0.0, 1.0], count)
        uv = np.stack([along, across], axis=1)[faces]
        return Mesh(vertices, faces.astype(np.int32), uv)


def _even(points: Array, length: float) -> Loop:
    """The curve through the points, scaled to a length, with points at equal distances."""
    closed = np.concatenate([points, points[:1]])
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    even = np.linspace(0.0, way[-1], _FINE, endpoint=False)
    fine = np.stack([np.interp(even, way, closed[:, k]) for k in (0, 1)], axis=1)
    return Loop(length, fine * (length / way[-1]))
