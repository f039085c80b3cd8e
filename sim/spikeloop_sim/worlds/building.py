"""What worlds are put together with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.worlds.scene import (
    Kind,
    Light,
    Material,
    Mesh,
    Mover,
    Pose,
    Quaternion,
    Scene,
    Shape,
    Vector,
)

Point = tuple[float, float]


def heading(yaw: float) -> Quaternion:
    """A turn about the vertical, rad."""
    return (0.0, 0.0, math.sin(0.5 * yaw), math.cos(0.5 * yaw))


class Builder:
    """Collects a scene; names of textures and materials are made once."""

    def __init__(self, name: str, seed: int) -> None:
        """Start with nothing."""
        self.name, self.seed = name, seed
        self.shapes: list[Shape] = []
        self.movers: list[Mover] = []
        self.lights: list[Light] = []
        self.textures: dict[str, NDArray[np.uint8]] = {}
        self.materials: dict[str, Material] = {}
        self.meshes: dict[str, Mesh] = {}

    def surface(
        self,
        name: str,
        picture: NDArray[np.uint8],
        repeat: float,
        infrared: float = 0.5,
        emission: float = 0.0,
    ) -> str:
        """A textured material; returns its name."""
        self.textures[name] = picture
        self.materials[name] = Material(
            texture=name, repeat=repeat, infrared=infrared, emission=emission
        )
        return name

    def paint(
        self,
        name: str,
        colour: float | Vector,
        infrared: float = 0.5,
        emission: float = 0.0,
    ) -> str:
        """A plain material, grey or coloured; returns its name."""
        rgb = colour if isinstance(colour, tuple) else (colour, colour, colour)
        self.materials[name] = Material(
            grey=float(np.mean(rgb)), colour=rgb, infrared=infrared, emission=emission
        )
        return name

    def add(
        self,
        kind: Kind,
        size: tuple[float, ...],
        material: str,
        at: Vector,
        yaw: float = 0.0,
        **more: Any,
    ) -> None:
        """A shape with its centre at `at`, turned by `yaw`; the rest as in `Shape`."""
        self.shapes.append(Shape(kind, size, material, Pose(at, heading(yaw)), **more))

    def wall(
        self,
        begin: Point,
        end: Point,
        height: float,
        thickness: float,
        material: str,
        base: float = 0.0,
        **more: Any,
    ) -> None:
        """An upright wall whose middle line runs from `begin` to `end`."""
        way = np.subtract(end, begin)
        length, yaw = float(np.hypot(*way)), math.atan2(way[1], way[0])
        centre = (0.5 * (begin[0] + end[0]), 0.5 * (begin[1] + end[1]), base + 0.5 * height)
        size = (0.5 * length, 0.5 * thickness, 0.5 * height)
        self.add("box", size, material, centre, yaw, **{"label": "wall", **more})

    def scene(self, **rest: Any) -> Scene:
        """All that was collected; the rest as in `Scene`."""
        return Scene(
            name=self.name,
            seed=self.seed,
            shapes=tuple(self.shapes),
            movers=tuple(self.movers),
            textures=self.textures,
            materials=self.materials,
            meshes=self.meshes,
            lights=tuple(self.lights),
            **rest,
        )
