"""An office floor: rooms with desks on both sides of a hallway, for a robot on the ground.

Furniture stands along the walls; the plan is furnished again until a disc of the guaranteed gap's
width can be moved from the start in the first room to the goal in the last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import parameter
from spikeloop_sim.robot import random_stream
from spikeloop_sim.worlds import surfaces, textures
from spikeloop_sim.worlds.building import Builder, heading
from spikeloop_sim.worlds.figures import pedestrian
from spikeloop_sim.worlds.passage import Plan, Wall, passable
from spikeloop_sim.worlds.scene import Light, Mesh, Mover, Pose, Scene

_HEIGHT, _THICK, _SIZE = 2.7, 0.12, 256
_DOOR_HEIGHT = 2.1
_TRIES = 20


@dataclass(frozen=True)
class Config:
    """Parameters of the office."""

    rooms: int = parameter(4, "rooms on each side of the hallway", low=1, high=20)
    room_m: float = parameter(5.0, "mean width of a room along the hallway", unit="m", low=4.0)
    depth_m: float = parameter(4.5, "depth of the rooms", unit="m", low=3.5, high=20.0)
    hall_m: float = parameter(2.0, "width of the hallway", unit="m", low=1.4, high=6.0)
    door_m: float = parameter(1.1, "width of the doorways", unit="m", low=0.8, high=2.0)
    gap_m: float = parameter(0.9, "what is free on the way", unit="m", low=0.6, high=1.0)
    people: int = parameter(0, "people who walk along the hallway", low=0, high=20)
    ceiling: bool = parameter(True, "whether there is one (it can't be seen from above)")

    def __post_init__(self) -> None:
        """Refuse doors that are narrower than the gap."""
        if self.gap_m > self.door_m:
            raise ValueError(f"gap_m ({self.gap_m:g}) is wider than door_m ({self.door_m:g})")


@dataclass(frozen=True)
class _Room:
    """A room: where it begins and ends along x, its side of the hallway, the door's middle."""

    low: float
    high: float
    side: float
    door: float


def make(seed: int, config: Config) -> Scene:
    """Build the office; see the module. The hallway runs along x, from the origin."""
    random = random_stream(seed, "office")
    builder = Builder("office", seed)
    names = _surfaces(builder, random)
    rooms = _rooms(random, config)
    length = max(room.high for room in rooms)
    walls = _walls(builder, random, config, rooms, length, names)
    _floor(builder, random, config, length, names)
    first, last = rooms[0], rooms[-1]
    start, goal = _middle(first, config), _middle(last, config)
    furniture: Builder
    for _ in range(_TRIES):
        furniture = Builder("furniture", seed)
        for index, room in enumerate(rooms):
            _furnish(furniture, random, config, room, index, names)
        outlines = [*walls, *(wall for shape in furniture.shapes for wall in _outline(shape))]
        if passable(Plan(outlines, []), start, goal, 0.5 * config.gap_m):
            break
    else:
        raise RuntimeError(f"office of seed {seed}: no furnishing leaves a way; make rooms larger")
    builder.shapes += furniture.shapes
    for index in range(config.people):
        _person(builder, random, config, length, index)
    builder.lights += [Light((0.3, 0.25, -0.9), 0.35), Light((-0.5, -0.6, -0.5), 0.25)]
    hall = np.array([[first.door, 0.0], [last.door, 0.0]])
    corners = np.vstack([start, [first.door, start[1]], hall, [last.door, goal[1]], goal])
    facing = -np.pi / 2 * first.side
    return builder.scene(
        ambient=0.45,
        lux=400.0,
        start=Pose((float(start[0]), float(start[1]), 0.0), heading(facing)),
        goal=(float(goal[0]), float(goal[1]), 0.0),
        route=_way(corners),
    )


def _rooms(random: np.random.Generator, config: Config) -> list[_Room]:
    """From the first on the left to the last on the right side."""
    wide = config.room_m * random.uniform(0.85, 1.15, (2, config.rooms))
    wide *= config.room_m * config.rooms / wide.sum(axis=1, keepdims=True)
    out = []
    for side, row in zip((1.0, -1.0), wide, strict=True):
        edges = np.concatenate([[0.0], np.cumsum(row)])
        for low, high in pairwise(edges):
            slack = 0.5 * (high - low) - 0.5 * config.door_m - 0.5
            door = 0.5 * (low + high) + random.uniform(-slack, slack)
            out.append(_Room(float(low), float(high), side, float(door)))
    return out


def _middle(room: _Room, config: Config) -> NDArray[np.float64]:
    """Where a robot starts or arrives in a room: in the line of its door."""
    away = 0.5 * config.hall_m + 0.45 * config.depth_m
    return np.array([room.door, room.side * away])


def _way(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3), a place every quarter of a metre along the corners."""
    parts = []
    for a, b in pairwise(corners):
        length = float(np.hypot(*(b - a)))
        if length > 1e-6:
            part = np.arange(0.0, length, 0.25) / length
            points = a + part[:, None] * (b - a)
            yaw = np.full(len(part), np.arctan2(b[1] - a[1], b[0] - a[0]))
            parts.append(np.column_stack([points, yaw]))
    return np.concatenate(parts)


def _surfaces(builder: Builder, random: np.random.Generator) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {"wall": [], "floor": [], "wood": [], "cloth": [], "poster": []}
    for k in range(3):
        picture = surfaces.render(random, _SIZE, surfaces.muted(random, 0.5, 0.75))
        names["wall"].append(builder.surface(f"wall {k}", surfaces.as_colour(picture), 0.4))
    for k, made in enumerate((textures.tiles, textures.planks)):
        dark, light = surfaces.muted(random, 0.03, 0.1), surfaces.muted(random, 0.5, 0.75)
        picture = surfaces.tinted(made(random, _SIZE), dark, light)
        names["floor"].append(builder.surface(f"floor {k}", surfaces.as_colour(picture), 0.5))
    for k in range(3):
        light = surfaces.muted(random, 0.4, 0.7)
        picture = surfaces.tinted(textures.planks(random, 128), (0.05, 0.03, 0.02), light)
        names["wood"].append(builder.surface(f"wood {k}", surfaces.as_colour(picture), 1.0))
        picture = surfaces.foliage(random, 128, surfaces.muted(random, 0.1, 0.5))
        names["cloth"].append(builder.surface(f"cloth {k}", surfaces.as_colour(picture), 1.5, 0.3))
        paper = surfaces.tinted(textures.poster(random, _SIZE), light, (0.95, 0.95, 0.92))
        names["poster"].append(builder.surface(f"poster {k}", surfaces.as_colour(paper), 1.0, 0.7))
    builder.paint("ceiling", 0.75)
    builder.paint("metal", 0.3, 0.7)
    builder.paint("screen", (0.03, 0.03, 0.04), 0.1)
    builder.paint("window", (0.75, 0.85, 0.95), 0.1, 0.4)
    builder.surface("leaves", surfaces.as_colour(surfaces.foliage(random, 64, (0.1, 0.3, 0.08))), 2)
    return names


def _walls(
    builder: Builder,
    random: np.random.Generator,
    config: Config,
    rooms: list[_Room],
    length: float,
    names: dict[str, list[str]],
) -> list[Wall]:
    """All walls; returns those that stand on the floor, for the plan."""
    half = 0.5 * config.hall_m
    out: list[Wall] = []

    def wall(a: tuple[float, float], b: tuple[float, float], **more: Any) -> None:
        builder.wall(a, b, more.pop("height", _HEIGHT), _THICK, str(name), **more)
        if not more:
            out.append(Wall(*a, *b))

    for room in rooms:
        name = random.choice(names["wall"])
        near, far = room.side * half, room.side * (half + config.depth_m)
        left, right = room.door - 0.5 * config.door_m, room.door + 0.5 * config.door_m
        wall((room.low, near), (left, near))
        wall((right, near), (room.high, near))
        lintel = {"base": _DOOR_HEIGHT, "height": _HEIGHT - _DOOR_HEIGHT}
        wall((left, near), (right, near), **lintel)
        wall((room.low, far), (room.high, far))
        wall((room.low, near), (room.low, far))
        inner = far - room.side * (0.5 * _THICK + 0.01)
        middle = 0.5 * (room.low + room.high)
        size, at = (0.7, 0.01, 0.55), (middle, inner, 1.7)
        builder.add("box", size, "window", at, label="window", collides=False)
        for _ in range(2):
            x = random.uniform(room.low + 0.5, room.high - 0.5)
            if abs(x - room.door) > 0.5 * config.door_m + 0.5:
                y = near - room.side * (0.5 * _THICK + 0.01)
                poster = str(random.choice(names["poster"]))
                more: dict[str, Any] = {"label": "wall", "stretch": True, "collides": False}
                builder.add("box", (0.35, 0.01, 0.45), poster, (x, y, 1.5), **more)
    name = random.choice(names["wall"])
    outer = half + config.depth_m
    wall((length, -outer), (length, outer))
    wall((0.0, -half), (0.0, half))
    return out


def _floor(
    builder: Builder,
    random: np.random.Generator,
    config: Config,
    length: float,
    names: dict[str, list[str]],
) -> None:
    wide = 0.5 * config.hall_m + config.depth_m + 0.5
    material = str(random.choice(names["floor"]))
    size, at = (0.5 * length + 0.5, wide, 0.1), (0.5 * length, 0.0, -0.1)
    builder.add("box", size, material, at, label="floor")
    if config.ceiling:
        corners = [[0, wide], [length, wide], [length, -wide], [0, -wide]]
        points = np.column_stack([np.array(corners), np.full(4, _HEIGHT)])
        # Its face looks down, so that the view from above goes through.
        builder.meshes["ceiling"] = Mesh(points, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
        more: dict[str, Any] = {"mesh": "ceiling", "label": "ceiling", "collides": False}
        builder.add("mesh", (1.0,), "ceiling", (0.0, 0.0, 0.0), **more)


def _outline(shape: Any) -> list[Wall]:
    """The rims of a box on the floor, for the plan; what hangs higher than a robot is left out."""
    x, y, z = shape.pose.position
    if shape.kind != "box":
        a = b = shape.size[0]
    else:
        a, b = shape.size[:2]
    if z - shape.size[-1] > 1.0 or not shape.collides:
        return []
    yaw = 2.0 * np.arctan2(shape.pose.orientation[2], shape.pose.orientation[3])
    c, s = np.cos(yaw), np.sin(yaw)
    corners = [
        (x + c * u * a - s * v * b, y + s * u * a + c * v * b)
        for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    return [Wall(*corners[k], *corners[(k + 1) % 4]) for k in range(4)]


def _furnish(
    builder: Builder,
    random: np.random.Generator,
    config: Config,
    room: _Room,
    index: int,
    names: dict[str, list[str]],
) -> None:
    """Desks at the far wall and the side walls, a cupboard, a plant; the door's line stays free."""
    near = 0.5 * config.hall_m
    far = near + config.depth_m - 0.5 * _THICK
    wood, cloth = str(random.choice(names["wood"])), str(random.choice(names["cloth"]))
    keep = 0.5 * config.door_m + 0.35
    for k, side in enumerate((-1.0, 1.0)):
        edge = room.low if side < 0 else room.high
        depth = float(random.uniform(0.6, 0.8))
        x = edge - side * (0.5 * depth + 0.1)
        if abs(x - room.door) < keep + 0.5 * depth + 0.4:
            continue
        y = room.side * (far - 1.0)
        _desk(builder, random, (x, y), -side, depth, wood, cloth, f"{index} {k}")
    x = random.uniform(room.low + 0.6, room.high - 0.6)
    if abs(x - room.door) > keep + 0.45:
        tall = random.uniform(0.6, 1.0)
        at, name = (x, room.side * (near + 0.3), tall), f"cupboard {index}"
        more: dict[str, Any] = {"label": "cupboard", "instance": name}
        builder.add("box", (0.4, 0.2, tall), wood, at, **more)
    if random.random() < 0.6:
        corner = room.low + 0.3 if room.door > 0.5 * (room.low + room.high) else room.high - 0.3
        y, plant = room.side * (far - 0.25), f"plant {index}"
        more = {"label": "plant", "instance": plant}
        builder.add("cylinder", (0.14, 0.18), "metal", (corner, y, 0.18), **more)
        builder.add("sphere", (0.28,), "leaves", (corner, y, 0.62), **more)


def _desk(
    builder: Builder,
    random: np.random.Generator,
    at: tuple[float, float],
    facing: float,
    depth: float,
    wood: str,
    cloth: str,
    key: str,
) -> None:
    """A desk along y with a screen, and a chair on the side that it faces along x."""
    x, y = at
    half = float(random.uniform(0.6, 0.85))
    desk: dict[str, Any] = {"label": "desk", "instance": f"desk {key}"}
    chair: dict[str, Any] = {"label": "chair", "instance": f"chair {key}"}
    size = (0.5 * depth, half, 0.02)
    builder.add("box", size, wood, (x, y, 0.73), **desk)
    for dx in (-0.5 * depth + 0.04, 0.5 * depth - 0.04):
        for dy in (-half + 0.04, half - 0.04):
            leg = (x + dx, y + dy, 0.355)
            builder.add("box", (0.025, 0.025, 0.355), "metal", leg, **desk)
    screen = (x - 0.25 * facing * depth, y + random.uniform(-0.2, 0.2), 0.98)
    builder.add("box", (0.02, 0.28, 0.17), "screen", screen, **desk)
    builder.add("box", (0.06, 0.06, 0.05), "metal", (*screen[:2], 0.78), **desk)
    cx, cy = x + facing * (0.5 * depth + 0.12), y + random.uniform(-0.2, 0.2)
    builder.add("cylinder", (0.2, 0.04), cloth, (cx, cy, 0.45), **chair)
    builder.add("cylinder", (0.03, 0.2), "metal", (cx, cy, 0.21), **chair)
    builder.add("cylinder", (0.24, 0.02), "metal", (cx, cy, 0.03), **chair)
    back = (cx + facing * 0.2, cy, 0.75)
    builder.add("box", (0.03, 0.2, 0.22), cloth, back, **chair)


def _person(
    builder: Builder, random: np.random.Generator, config: Config, length: float, index: int
) -> None:
    """Walks up and down the hallway at 0.8 to 1.4 m/s."""
    side = random.uniform(-0.25, 0.25) * config.hall_m
    begin, end = 0.6, length - 0.6
    spent = (end - begin) / random.uniform(0.8, 1.4)
    times = np.cumsum([0.0, spent, 1.0, spent, 1.0])
    ends = [(begin, 0.0), (end, 0.0), (end, np.pi), (begin, np.pi), (begin, 0.0)]
    poses = np.array([[x, side, 0.0, yaw] for x, yaw in ends])
    name = f"pedestrian {index}"
    shapes = pedestrian(builder, random, str(index))
    builder.movers.append(Mover(name, "pedestrian", shapes, times, poses))
