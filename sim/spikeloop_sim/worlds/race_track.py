"""A closed race track between walls or cones, for LiDARs at speed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from spikeloop.parameters import parameter
from spikeloop_sim.robot import random_stream
from spikeloop_sim.worlds import surfaces
from spikeloop_sim.worlds.building import Builder, heading
from spikeloop_sim.worlds.conditions import CONDITIONS
from spikeloop_sim.worlds.figures import frustum
from spikeloop_sim.worlds.loops import Loop
from spikeloop_sim.worlds.scene import Pose, Scene

_PIECE_M = 20.0
_CONE_M = 0.16


@dataclass(frozen=True)
class Config:
    """Parameters of the race track."""

    length_m: float = parameter(180.0, "of a lap", unit="m", low=60.0, high=5000.0)
    width_m: float = parameter(5.0, "between the rims", unit="m", low=2.0, high=20.0)
    bend_m: float = parameter(7.0, "tightest bend of the middle line", unit="m", low=4.0)
    rim: str = parameter("walls", "what stands at the rims", choices=("walls", "cones"))
    height_m: float = parameter(0.6, "of the walls", unit="m", low=0.2, high=3.0)
    cone_spacing_m: float = parameter(3.0, "between cones", unit="m", low=0.5, high=10.0)
    crates: int = parameter(0, "boxes in the way, at alternating sides", low=0, high=50)

    def __post_init__(self) -> None:
        """Refuse a track that is wider than its bends."""
        if self.bend_m < 0.5 * self.width_m + 1.0:
            raise ValueError(
                f"bends of {self.bend_m:g} m are too tight for a width of {self.width_m:g} m"
            )


def make(seed: int, config: Config) -> Scene:
    """Build the track; see the module. It is driven counter-clockwise.

    Raises:
        ValueError: such a lap is shorter than a circle of the tightest bend.

    """
    random = random_stream(seed, "race_track")
    loop = Loop.make(random, config.length_m, config.bend_m)
    builder = Builder("race_track", seed)
    _surfaces(builder, random)
    _ground(builder, loop, config)
    half = 0.5 * config.width_m
    for side, colours in ((1.0, ("blue", "white")), (-1.0, ("yellow", "red"))):
        if config.rim == "walls":
            _walls(builder, loop, side * half, config.height_m)
        else:
            _cones(builder, loop, side * half, config.cone_spacing_m, colours[0])
    _around(builder, loop, random, half)
    for index in range(config.crates):
        way = (index + 0.7) * config.length_m / config.crates
        x, y, yaw = loop.at(np.array([float(way)]), (-1) ** index * 0.25 * config.width_m)[0]
        more: dict[str, Any] = {"label": "obstacle", "instance": f"crate {index}"}
        size, at = (0.25, 0.25, 0.3), (float(x), float(y), 0.3)
        builder.add("box", size, "stripes", at, float(yaw), **more)
    condition = CONDITIONS["day"]
    builder.lights += condition.lights
    route = loop.at(np.arange(0.0, config.length_m, 0.5))
    x, y, yaw = route[0]
    return builder.scene(
        ambient=condition.ambient,
        lux=condition.lux,
        sky=surfaces.sky_faces(random, 128, condition.zenith, condition.horizon, 0.4),
        start=Pose((float(x), float(y), 0.0), heading(float(yaw))),
        route=route,
    )


def _surfaces(builder: Builder, random: np.random.Generator) -> None:
    grass = surfaces.grass(random, 256, (0.12, 0.2, 0.06))
    builder.surface("grass", surfaces.as_colour(grass), 1.0 / 6.0, 0.6)
    asphalt = surfaces.asphalt(random, 256, 0.0)
    asphalt[:10] = asphalt[-10:] = 0.75
    builder.surface("asphalt", surfaces.as_colour(asphalt), 1.0, 0.25)
    stripes = np.empty((64, 64, 3))
    stripes[:, :32], stripes[:, 32:] = (0.6, 0.05, 0.05), (0.8, 0.8, 0.8)
    stripes *= 1.0 + 0.05 * random.standard_normal((64, 64, 1))
    builder.surface("stripes", surfaces.as_colour(stripes), 0.5, 0.6)
    for k in range(4):
        wall = surfaces.render(random, 128, surfaces.muted(random, 0.3, 0.7))
        picture = surfaces.shopfront(random, 128, False, 1.0)
        picture[40:] = wall[40:]
        builder.surface(f"board {k}", surfaces.as_colour(picture), 1.0, 0.6)
    tree = surfaces.foliage(random, 128, (0.12, 0.24, 0.07))
    builder.surface("leaves", surfaces.as_colour(tree), 0.5, 0.6)
    builder.paint("blue", (0.05, 0.12, 0.6), 0.6)
    builder.paint("yellow", (0.8, 0.65, 0.05), 0.8)
    builder.meshes["cone"] = frustum((-0.14, 0.14, 0.14), (-0.03, 0.03, 0.03), 0.0, 0.42)


def _ground(builder: Builder, loop: Loop, config: Config) -> None:
    low, high = loop.fine.min(axis=0) - 40.0, loop.fine.max(axis=0) + 40.0
    half, centre = 0.5 * (high - low), 0.5 * (high + low)
    at = (float(centre[0]), float(centre[1]), -0.1)
    builder.add("box", (half[0], half[1], 0.1), "grass", at, label="ground")
    count = max(round(loop.length / _PIECE_M), 1)
    edge, period = 0.5 * config.width_m + 0.1, loop.length / count
    for k in range(count):
        ends = (k * period, (k + 1) * period)
        name = f"strip {k}"
        builder.meshes[name] = loop.ribbon(ends, (-edge, edge), (0.005, 0.005), 8.0, 1.0)
        more: dict[str, Any] = {"mesh": name, "label": "road"}
        builder.add("mesh", (1.0,), "asphalt", (0.0, 0.0, 0.0), collides=False, **more)


def _walls(builder: Builder, loop: Loop, side: float, height: float) -> None:
    """Straight pieces of a metre and a half, outside of the rim."""
    count = max(round(loop.length / 1.5), 8)
    way = (loop.length / count) * np.arange(count + 1, dtype=np.float64)
    points = loop.at(way, side + np.sign(side) * 0.1)[:, :2]
    for a, b in pairwise(points):
        over = 0.03 * (b - a)
        builder.wall(tuple(a - over), tuple(b + over), height, 0.12, "stripes")


def _cones(builder: Builder, loop: Loop, side: float, spacing: float, colour: str) -> None:
    count = max(round(loop.length / spacing), 4)
    spots = loop.at(
        (loop.length / count) * np.arange(count, dtype=np.float64), side + np.sign(side) * _CONE_M
    )
    for k, (x, y, yaw) in enumerate(spots):
        at = (float(x), float(y), 0.0)
        more: dict[str, Any] = {"mesh": "cone", "label": "cone"}
        name = f"{colour} cone {k}"
        builder.add("mesh", (1.0,), colour, at, float(yaw), instance=name, **more)


def _around(builder: Builder, loop: Loop, random: np.random.Generator, half: float) -> None:
    """Boards and bushes outside of the track, well clear of it."""
    for way in np.arange(0.0, loop.length, 9.0):
        side = half + random.uniform(2.0, 5.0)
        x, y, yaw = loop.at(np.array([float(way)]), -side)[0]
        near = np.hypot(*(loop.fine[::50] - np.array([x, y])).T).min()
        if near < half + 1.5:
            continue
        if random.random() < 0.55:
            size, at = (1.8, 0.06, 0.7), (float(x), float(y), 0.9)
            more: dict[str, Any] = {"label": "board", "stretch": True}
            builder.add("box", size, f"board {random.integers(4)}", at, float(yaw), **more)
        else:
            radius = float(random.uniform(0.6, 1.3))
            at = (float(x), float(y), 0.8 * radius)
            builder.add("sphere", (radius,), "leaves", at, label="vegetation", collides=False)
