"""A large hall for what flies, with waypoints in all three axes.

Nothing that is solid reaches into the middle of the hall above the stacks on its floor; the
waypoints keep a distance from everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import parameter
from spikeloop_sim.robot import random_stream
from spikeloop_sim.worlds import surfaces, textures
from spikeloop_sim.worlds.building import Builder, heading
from spikeloop_sim.worlds.scene import Light, Mesh, Pose, Scene

_SIZE, _WALL = 256, 0.3
_STACK_M = 2.2
"""Highest top of a stack on the floor."""


@dataclass(frozen=True)
class Config:
    """Parameters of the hall."""

    length_m: float = parameter(30.0, "along x", unit="m", low=10.0, high=200.0)
    width_m: float = parameter(20.0, "along y", unit="m", low=10.0, high=100.0)
    height_m: float = parameter(9.0, "below the roof", unit="m", low=5.0, high=40.0)
    waypoints: int = parameter(6, "places to be reached one after another", low=1, high=100)
    leg_m: float = parameter(6.0, "least distance from one to the next", unit="m", low=1.0)
    margin_m: float = parameter(
        2.0, "least distance of a waypoint from walls, roof and stacks", unit="m", low=0.5, high=4.0
    )
    stacks: int = parameter(14, "stacks of crates on the floor", low=0, high=200)

    def __post_init__(self) -> None:
        """Refuse a hall without room for its waypoints."""
        room = self.height_m - 1.0 - 2.0 * self.margin_m - _STACK_M
        if room <= 0.0 or min(self.length_m, self.width_m) <= 2.0 * self.margin_m + 1.0:
            raise ValueError(f"margin_m {self.margin_m:g} leaves no room in the hall for waypoints")


def make(seed: int, config: Config) -> Scene:
    """Build the hall; see the module. The origin is the middle of the floor."""
    random = random_stream(seed, "blimp_hall")
    builder = Builder("blimp_hall", seed)
    _surfaces(builder, random)
    _shell(builder, random, config)
    _trusses(builder, config)
    _stacks(builder, random, config)
    points = _waypoints(random, config)
    x, y = points[0, :2]
    yaw = float(np.arctan2(points[0, 1], points[0, 0]) + np.pi)
    builder.lights += [Light((0.2, 0.3, -0.93), 0.4), Light((-0.6, -0.3, -0.5), 0.2)]
    start = Pose((float(-0.2 * x), float(-0.2 * y), 0.0), heading(yaw))
    return builder.scene(
        ambient=0.4, lux=250.0, start=start, goal=tuple(points[-1, :3].tolist()), waypoints=points
    )


def _surfaces(builder: Builder, random: np.random.Generator) -> None:
    for k in range(4):
        made = surfaces.brick if k % 2 else surfaces.render
        picture = made(random, _SIZE, surfaces.muted(random, 0.3, 0.6))
        builder.surface(f"wall {k}", surfaces.as_colour(picture), 0.35)
    concrete = surfaces.slabs(random, _SIZE, 0.0)
    builder.surface("floor", surfaces.as_colour(concrete), 0.15)
    planks = surfaces.tinted(textures.planks(random, 128), (0.04, 0.03, 0.02), (0.75, 0.55, 0.35))
    builder.surface("crate", surfaces.as_colour(planks), 1.0)
    for k in range(6):
        dark, light = surfaces.muted(random, 0.05, 0.2), surfaces.muted(random, 0.5, 0.9)
        picture = surfaces.tinted(textures.poster(random, _SIZE), dark, light)
        builder.surface(f"banner {k}", surfaces.as_colour(picture), 1.0, 0.4)
    builder.paint("steel", (0.25, 0.27, 0.3), 0.6)
    builder.paint("roof", 0.5)
    builder.paint("line", (0.8, 0.65, 0.05), 0.7)
    builder.paint("skylight", (0.9, 0.93, 1.0), 0.1, 0.5)


def _shell(builder: Builder, random: np.random.Generator, config: Config) -> None:
    long, wide, tall = 0.5 * config.length_m, 0.5 * config.width_m, config.height_m
    builder.add("box", (long, wide, 0.1), "floor", (0.0, 0.0, -0.1), label="floor")
    for y in (-0.25 * config.width_m, 0.25 * config.width_m):
        size = (0.9 * long, 0.06, 0.002)
        builder.add("box", size, "line", (0.0, y, 0.002), label="floor", collides=False)
    for k, (a, b) in enumerate(
        [
            ((-long, -wide), (long, -wide)),
            ((long, -wide), (long, wide)),
            ((long, wide), (-long, wide)),
            ((-long, wide), (-long, -wide)),
        ]
    ):
        begin, way = np.array(a), np.subtract(b, a)
        step = way / np.hypot(*way)
        out = np.array([step[1], -step[0]])
        shift = 0.5 * _WALL * out
        builder.wall(tuple(begin + shift), tuple(begin + way + shift), tall, _WALL, f"wall {k}")
        length, at = float(np.hypot(*way)), 1.5
        while at < length - 2.0:
            x, y = begin + at * step - 0.03 * out
            size = (random.uniform(0.6, 1.4), 0.02, random.uniform(0.8, 1.6))
            place = (float(x), float(y), float(random.uniform(1.8, tall - 2.0)))
            more: dict[str, Any] = {"label": "wall", "stretch": True, "collides": False}
            yaw = float(np.arctan2(step[1], step[0]))
            builder.add("box", size, f"banner {random.integers(6)}", place, yaw, **more)
            at += random.uniform(3.0, 5.0)
    corners = [[-long, wide], [long, wide], [long, -wide], [-long, -wide]]
    points = np.column_stack([np.array(corners), np.full(4, tall)])
    builder.meshes["roof"] = Mesh(points, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    builder.add("mesh", (1.0,), "roof", (0.0, 0.0, 0.0), mesh="roof", label="roof", collides=False)


def _trusses(builder: Builder, config: Config) -> None:
    """Beams under the roof across the hall, columns at the walls, skylights between."""
    wide, tall = 0.5 * config.width_m, config.height_m
    for x in np.arange(-0.5 * config.length_m + 2.5, 0.5 * config.length_m - 1.0, 5.0):
        at, size = (float(x), 0.0, tall - 0.25), (0.12, wide, 0.2)
        builder.add("box", size, "steel", at, label="structure")
        for y in (-wide + 0.15, wide - 0.15):
            column = (float(x), y, 0.5 * tall)
            builder.add("box", (0.12, 0.15, 0.5 * tall), "steel", column, label="structure")
        light = (float(x) + 2.5, 0.0, tall - 0.03)
        size = (0.5, 0.6 * wide, 0.02)
        builder.add("box", size, "skylight", light, label="roof", collides=False)


def _stacks(builder: Builder, random: np.random.Generator, config: Config) -> None:
    """Crates on crates; the middle, where robots start, stays free."""
    for index in range(config.stacks):
        while True:
            x = random.uniform(-0.5, 0.5) * (config.length_m - 3.0)
            y = random.uniform(-0.5, 0.5) * (config.width_m - 3.0)
            if max(abs(x) / config.length_m, abs(y) / config.width_m) > 0.3:
                break
        top = 0.0
        for _ in range(int(random.integers(1, 4))):
            half = random.uniform(0.25, 0.6)
            if top + 2.0 * half > _STACK_M:
                break
            yaw, at = random.uniform(-0.5, 0.5), (float(x), float(y), top + half)
            more: dict[str, Any] = {"label": "crate", "instance": f"stack {index}"}
            builder.add("box", (half * 1.1, half * 0.9, half), "crate", at, yaw, **more)
            top += 2.0 * half


def _waypoints(random: np.random.Generator, config: Config) -> NDArray[np.float64]:
    """(n, 4) x, y, z and the yaw of the leg that ends there, the first one's towards it."""
    low = np.array([-0.5 * config.length_m, -0.5 * config.width_m, _STACK_M]) + config.margin_m
    high = np.array([0.5 * config.length_m, 0.5 * config.width_m, config.height_m - 0.5])
    high = high - config.margin_m
    reach = min(config.leg_m, 0.4 * float(np.hypot(*(high - low)[:2])))
    points = [0.5 * (low + high)]
    while len(points) <= config.waypoints:
        point = random.uniform(low, high)
        if np.linalg.norm(point - points[-1]) >= reach:
            points.append(point)
    way = np.diff(points, axis=0)
    yaw = np.arctan2(way[:, 1], way[:, 0])
    return np.column_stack([np.array(points[1:]), yaw])
