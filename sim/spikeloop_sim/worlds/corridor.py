"""A corridor with bends and obstacles, for a robot on the ground.

It runs from the origin towards +x without crossing itself. Obstacles stand at alternating or random
sides; the plan is drawn again until a disc of the guaranteed gap's width can be moved from start to
goal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import parameter
from spikeloop_sim.robot import random_stream
from spikeloop_sim.worlds import surfaces, textures
from spikeloop_sim.worlds.building import Builder, heading
from spikeloop_sim.worlds.figures import pedestrian
from spikeloop_sim.worlds.passage import Disc, Plan, Wall, passable
from spikeloop_sim.worlds.scene import Light, Mesh, Mover, Pose, Scene

_SIZE = 256
_THICK = 0.12
_ENDS = 1.4
_TRIES = 200


@dataclass(frozen=True)
class Config:
    """Parameters of the corridor."""

    length_m: float = parameter(24.0, "way from start to goal", unit="m", low=8.0, high=200.0)
    width_m: float = parameter(2.4, "between the walls", unit="m", low=1.8, high=6.0)
    height_m: float = parameter(2.6, "of the walls", unit="m", low=1.0, high=6.0)
    bend_deg: float = parameter(45.0, "largest turn of the way", unit="deg", low=0.0, high=60.0)
    leg_m: float = parameter(4.5, "mean length between two bends", unit="m", low=3.0, high=30.0)
    obstacles: int = parameter(6, "boxes and cylinders in the way", low=0, high=100)
    gap_m: float = parameter(0.9, "what is free beside every obstacle", unit="m", low=0.6, high=2.0)
    people: int = parameter(0, "people who walk up and down", low=0, high=20)
    plaster: bool = parameter(
        True, "whether two of three walls are plastered, which is hard to see; else all are brick"
    )
    ceiling: bool = parameter(True, "whether there is one (it can't be seen from above)")


def make(seed: int, config: Config) -> Scene:
    """Build the corridor; see the module. The start looks along the first leg."""
    random = random_stream(seed, "corridor")
    line = _middle_line(random, config)
    left, right = _offset(line, 0.5 * config.width_m), _offset(line, -0.5 * config.width_m)
    builder = Builder("corridor", seed)
    names = _surfaces(builder, random, config)
    plan = _obstacles(random, config, line, left, right)
    _walls(builder, random, config, left, right, names)
    _floor(builder, random, config, left, right, names)
    for index, disc in enumerate(plan):
        _obstacle(builder, random, disc, index, names)
    for index in range(config.people):
        _person(builder, random, config, line, index)
    way = _along(line, np.arange(0.0, _length(line), 0.25))
    begin = _along(line, np.array([_ENDS]))[0]
    end = _along(line, np.array([_length(line) - _ENDS]))[0]
    builder.lights += [Light((0.35, 0.2, -0.9), 0.35), Light((-0.6, -0.5, -0.5), 0.25)]
    return builder.scene(
        ambient=0.45,
        lux=300.0,
        start=Pose((float(begin[0]), float(begin[1]), 0.0), heading(float(begin[2]))),
        goal=(float(end[0]), float(end[1]), 0.0),
        route=way,
    )


def _middle_line(random: np.random.Generator, config: Config) -> NDArray[np.float64]:
    """(n, 2) corners of the way; its heading stays within 75 degrees of +x."""
    points, yaw, total = [np.zeros(2)], 0.0, -2.0 * _ENDS
    limit = math.radians(75.0)
    while total < config.length_m:
        leg = config.leg_m * random.uniform(0.7, 1.3)
        leg = max(min(leg, config.length_m - total), config.width_m)
        points.append(points[-1] + leg * np.array([math.cos(yaw), math.sin(yaw)]))
        total += leg
        turn = math.radians(config.bend_deg) * random.uniform(0.4, 1.0) * random.choice((-1, 1))
        yaw = yaw + turn if abs(yaw + turn) < limit else yaw - turn
        yaw = float(np.clip(yaw, -limit, limit))
    return np.array(points)


def _length(line: NDArray[np.float64]) -> float:
    return float(np.hypot(*np.diff(line, axis=0).T).sum())


def _along(line: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) x, y and heading of the line at the ways `at`, m."""
    step = np.diff(line, axis=0)
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*step.T))])
    leg = np.clip(np.searchsorted(way, at, "right") - 1, 0, len(step) - 1)
    part = (at - way[leg]) / (way[leg + 1] - way[leg])
    place = line[leg] + part[:, None] * step[leg]
    return np.column_stack([place, np.arctan2(step[leg, 1], step[leg, 0])])


def _offset(line: NDArray[np.float64], side: float) -> NDArray[np.float64]:
    """The line moved to the left by `side`, m, with mitred corners."""
    step = np.diff(line, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1) / np.hypot(*step.T)[:, None]
    first, last = np.vstack([normal[:1], normal]), np.vstack([normal, normal[-1:]])
    mean = first + last
    mean /= (mean * first).sum(axis=1, keepdims=True)
    out: NDArray[np.float64] = line + side * mean
    return out


def _surfaces(
    builder: Builder, random: np.random.Generator, config: Config
) -> dict[str, list[str]]:
    """Materials by what they are for."""
    names: dict[str, list[str]] = {"wall": [], "floor": [], "obstacle": [], "poster": []}
    for k in range(3):
        colour = surfaces.muted(random, 0.45, 0.7)
        made = surfaces.render if k and config.plaster else surfaces.brick
        picture = made(random, _SIZE, colour)
        name = builder.surface(f"wall {k}", surfaces.as_colour(picture), 0.5, 0.5)
        names["wall"].append(name)
    for k, ground in enumerate((textures.tiles, textures.planks)):
        picture = surfaces.tinted(ground(random, _SIZE), (0.05, 0.04, 0.03), (0.85, 0.75, 0.6))
        name = builder.surface(f"floor {k}", surfaces.as_colour(picture), 0.6, 0.4)
        names["floor"].append(name)
    for k in range(4):
        kind = textures.KINDS[int(random.integers(len(textures.KINDS)))]
        dark, light = surfaces.muted(random, 0.03, 0.15), surfaces.muted(random, 0.6, 0.9)
        picture = surfaces.tinted(kind(random, _SIZE), dark, light)
        name = builder.surface(f"obstacle {k}", surfaces.as_colour(picture), 1.2, 0.6)
        names["obstacle"].append(name)
        sheet = surfaces.tinted(textures.poster(random, _SIZE), dark, (0.95, 0.95, 0.9))
        names["poster"].append(builder.surface(f"poster {k}", surfaces.as_colour(sheet), 1.0, 0.7))
    builder.paint("ceiling", 0.75, 0.6)
    builder.paint("door", (0.35, 0.22, 0.12), 0.4)
    builder.paint("skirting", 0.2, 0.4)
    return names


def _walls(
    builder: Builder,
    random: np.random.Generator,
    config: Config,
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    names: dict[str, list[str]],
) -> None:
    """Both sides, both ends, and what hangs on the walls."""
    sides = [(left, 1.0), (right, -1.0)]
    for corners, sign in sides:
        for k in range(len(corners) - 1):
            a, b = corners[k], corners[k + 1]
            step = (b - a) / np.hypot(*(b - a))
            out = sign * np.array([-step[1], step[0]])
            material = str(random.choice(names["wall"]))
            shift, over = 0.5 * _THICK * out, 0.5 * _THICK * step
            builder.wall(
                tuple(a + shift - over), tuple(b + shift + over), config.height_m, _THICK, material
            )
            inner = 0.008 * -out
            builder.wall(tuple(a + inner), tuple(b + inner), 0.1, 0.015, "skirting", collides=False)
            _hangings(builder, random, a, b, -out, names)
    for k in (0, -1):
        a, b = right[k], left[k]
        builder.wall(tuple(a), tuple(b), config.height_m, _THICK, str(random.choice(names["wall"])))


def _hangings(
    builder: Builder,
    random: np.random.Generator,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    inward: NDArray[np.float64],
    names: dict[str, list[str]],
) -> None:
    """Doors and posters on a wall."""
    length = float(np.hypot(*(b - a)))
    step = (b - a) / length
    yaw = math.atan2(step[1], step[0])
    at = random.uniform(0.4, 1.0)
    while at < length - 0.7:
        x, y = a + at * step + 0.015 * inward
        if random.random() < 0.35:
            builder.add("box", (0.42, 0.012, 1.0), "door", (x, y, 1.0), yaw, label="door")
        else:
            half = random.uniform(0.2, 0.38)
            material = str(random.choice(names["poster"]))
            size, place = (half, 0.01, 1.3 * half), (x, y, 1.45)
            builder.add("box", size, material, place, yaw, label="wall", stretch=True)
        at += random.uniform(1.2, 2.2)


def _floor(
    builder: Builder,
    random: np.random.Generator,
    config: Config,
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    names: dict[str, list[str]],
) -> None:
    """A slab below everything that robots stand on, and one visible sheet a leg."""
    low = np.minimum(left.min(axis=0), right.min(axis=0)) - 1.0
    high = np.maximum(left.max(axis=0), right.max(axis=0)) + 1.0
    half, centre = 0.5 * (high - low), 0.5 * (high + low)
    material = str(random.choice(names["floor"]))
    builder.add(
        "box", (half[0], half[1], 0.1), material, (centre[0], centre[1], -0.1), label="floor"
    )
    if not config.ceiling:
        return
    for k in range(len(left) - 1):
        corners = np.array([left[k], left[k + 1], right[k + 1], right[k]])
        points = np.column_stack([corners, np.full(4, config.height_m)])
        # Its face looks down, so that the view from above goes through.
        faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
        builder.meshes[f"ceiling {k}"] = Mesh(points, faces)
        builder.add(
            "mesh",
            (1.0,),
            "ceiling",
            (0.0, 0.0, 0.0),
            mesh=f"ceiling {k}",
            label="ceiling",
            collides=False,
        )


def _obstacles(
    random: np.random.Generator,
    config: Config,
    line: NDArray[np.float64],
    left: NDArray[np.float64],
    right: NDArray[np.float64],
) -> list[Disc]:
    """Discs that leave the gap; fewer than wished for where they don't fit."""
    length, half = _length(line), 0.5 * config.width_m
    walls = [Wall(*side[k], *side[k + 1]) for side in (left, right) for k in range(len(side) - 1)]
    ends = _along(line, np.array([_ENDS, length - _ENDS]))[:, :2]
    found: list[Disc] = []
    for _ in range(_TRIES):
        if len(found) == config.obstacles:
            break
        at = random.uniform(2.0 * _ENDS, length - 2.0 * _ENDS)
        most = config.width_m - config.gap_m - 0.06
        radius = random.uniform(0.15, max(min(0.36, 0.5 * most), 0.16))
        side = random.uniform(-1.0, 1.0) * (half - radius)
        x, y, yaw = _along(line, np.array([at]))[0]
        new = Disc(x - side * math.sin(yaw), y + side * math.cos(yaw), radius)
        wide = max(half - radius - side, half - radius + side)
        if wide < config.gap_m + 0.02 or any(new.distance(old) < config.gap_m for old in found):
            continue
        plan = Plan(walls, [*found, new])
        if passable(plan, ends[0], ends[1], 0.5 * config.gap_m):
            found.append(new)
    return found


def _obstacle(
    builder: Builder,
    random: np.random.Generator,
    disc: Disc,
    index: int,
    names: dict[str, list[str]],
) -> None:
    """A box or a cylinder within its disc."""
    tall, material = random.uniform(0.25, 0.7), str(random.choice(names["obstacle"]))
    more: dict[str, Any] = {"label": "obstacle", "instance": f"obstacle {index}"}
    at = (disc.x, disc.y, tall)
    if random.random() < 0.5:
        builder.add("cylinder", (disc.radius, tall), material, at, **more)
        return
    angle = random.uniform(0.5, 1.07)
    size = (disc.radius * math.cos(angle), disc.radius * math.sin(angle), tall)
    builder.add("box", size, material, at, random.uniform(-np.pi, np.pi), **more)


def _person(
    builder: Builder,
    random: np.random.Generator,
    config: Config,
    line: NDArray[np.float64],
    index: int,
) -> None:
    """Walks up and down a part of the way, at 0.8 to 1.3 m/s, and turns on the spot."""
    length, speed = _length(line), random.uniform(0.8, 1.3)
    begin = random.uniform(3.0 * _ENDS, max(length - 8.0, 3.0 * _ENDS + 0.1))
    way = np.arange(begin, min(begin + random.uniform(4.0, 8.0), length - _ENDS), 0.3)
    there = _along(line, way)
    shift = random.uniform(-0.3, 0.3) * config.width_m
    there[:, 0] -= shift * np.sin(there[:, 2])
    there[:, 1] += shift * np.cos(there[:, 2])
    back = there[::-1] + np.array([0.0, 0.0, np.pi])
    path = np.concatenate([there, back, there[:1]])
    step = np.hypot(*np.diff(path[:, :2], axis=0).T)
    spent = np.where(step > 1e-6, step / speed, 0.8)
    times = np.concatenate([[0.0], np.cumsum(spent)])
    poses = np.column_stack([path[:, :2], np.zeros(len(path)), path[:, 2]])
    name = f"pedestrian {index}"
    shapes = pedestrian(builder, random, str(index))
    builder.movers.append(Mover(name, "pedestrian", shapes, times, poses))
