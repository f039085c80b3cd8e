"""Houses, trees, lamps and grounds, as the condition has them.

Pictures are drawn from a stream of their own for each name, and what is built from another one, so
that a house keeps its bricks and its place in every condition.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.robot import random_stream
from spikeloop_sim.worlds import surfaces
from spikeloop_sim.worlds.building import Builder
from spikeloop_sim.worlds.conditions import Condition
from spikeloop_sim.worlds.scene import Mesh
from spikeloop_sim.worlds.surfaces import FIELD_M, as_colour

LAMP_M = 24.0
"""Between street lamps; pictures of roads and pavements are so long, their pools of light baked."""
_SIDE = 256
_FACADES, _SHOPS, _WALLS, _TREES = 8, 4, 2, 5
_GROUND_M = 6.0
_SCALES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.4)
Array = NDArray[np.float64]


class Streetscape:
    """Makes materials and meshes once, and sets things up in a builder."""

    def __init__(self, builder: Builder, seed: int, condition: Condition) -> None:
        """Draw all pictures; the condition says how they look."""
        self.builder, self.seed, self.condition = builder, seed, condition
        self._buildings()
        self._grounds()
        self._plants()
        glow = 1.0 if condition.lamps else 0.0
        builder.paint("pole", 0.22, 0.4)
        builder.paint("lamp", (0.9, 0.85, 0.7), 0.8, glow)
        builder.paint("wood", (0.3, 0.2, 0.12), 0.4)
        builder.paint("bin", (0.1, 0.2, 0.12), 0.3)
        for k, colour in enumerate(((0.6, 0.05, 0.05), (0.05, 0.12, 0.5), (0.7, 0.6, 0.1))):
            builder.paint(f"sign {k}", colour, 0.9)

    def _stream(self, name: str) -> np.random.Generator:
        return random_stream(self.seed, f"streetscape/{name}")

    def _dark(self, picture: Array) -> tuple[Array, float]:
        """A picture as it is by street light, and its emission: at night nothing else lights it."""
        if not self.condition.night:
            return picture, 0.0
        fall = np.linspace(0.5, 1.3, len(picture))[:, None, None]
        return picture * fall * self.condition.dim, 1.0

    def _buildings(self) -> None:
        builder, condition = self.builder, self.condition
        glow = 1.0 if condition.night else 0.3 * condition.lamps
        for k in range(_FACADES):
            random = self._stream(f"facade {k}")
            made = surfaces.brick if k % 2 else surfaces.render
            low, high = (0.15, 0.4) if k % 2 else (0.3, 0.7)
            wall = made(random, _SIDE, surfaces.muted(random, low, high))
            picture = surfaces.facade(random, _SIDE, wall, condition.lit, condition.dim)
            repeat = 1.0 / (surfaces.COLUMNS * FIELD_M)
            builder.surface(f"facade {k}", as_colour(picture), repeat, 0.5, glow)
        for k in range(_SHOPS):
            random = self._stream(f"shop {k}")
            picture = surfaces.shopfront(random, 128, condition.lamps, condition.dim)
            builder.surface(f"shop {k}", as_colour(picture), 1.0, 0.4, glow)
        for k in range(_WALLS):
            random = self._stream(f"plain wall {k}")
            wall = surfaces.brick(random, _SIDE, surfaces.muted(random, 0.2, 0.4))
            picture, emission = self._dark(wall)
            builder.surface(f"wall {k}", as_colour(picture), 0.4, 0.5, emission)
        for k in range(2):
            random = self._stream(f"roof {k}")
            colour = ((0.32, 0.14, 0.09), (0.14, 0.14, 0.16))[k]
            picture = surfaces.roof_tiles(random, 128, colour)
            if condition.snow > 0.0:
                picture = surfaces.snow(random, 128, 0.12, colour)
            builder.surface(f"roof {k}", as_colour(picture), 0.3, 0.4)

    def _grounds(self) -> None:
        """Grass, and road and pavement with the lamps' pools of light."""
        builder, condition = self.builder, self.condition
        random = self._stream("grass")
        field = surfaces.grass(random, _SIDE, condition.grass)
        if condition.snow > 0.0:
            field = surfaces.snow(random, _SIDE, 1.0 - condition.snow, condition.grass)
        if condition.name == "autumn":
            litter = random.random((_SIDE, _SIDE)) < 0.12
            field[litter] = (0.5, 0.25, 0.06)
        builder.surface("grass", as_colour(field), 1.0 / _GROUND_M, 0.6)
        long = int(2 * _SIDE)
        for name, wide, made in (
            ("asphalt", _SIDE, surfaces.asphalt),
            ("pavement", _SIDE // 2, surfaces.slabs),
        ):
            random = self._stream(name)
            tile = made(random, _SIDE, condition.wet)
            picture = np.tile(tile, (1, 2, 1))[:wide]
            if name == "pavement":
                picture = np.tile(made(random, _SIDE // 4, condition.wet), (2, 8, 1))
            if condition.snow > 0.0:
                picture = self._snowed(random, picture, name)
            if condition.name == "autumn" and name == "pavement":
                picture[random.random(picture.shape[:2]) < 0.06] = (0.45, 0.22, 0.05)
            if name == "asphalt":
                _markings(picture, condition)
            picture, emission = self._pooled(picture, long)
            builder.surface(name, as_colour(picture), 1.0, 0.3, emission)
        builder.paint("kerb", 0.4 if condition.snow == 0.0 else 0.7, 0.4)

    def _snowed(self, random: np.random.Generator, picture: Array, name: str) -> Array:
        """Snow that lies on pavements, and on roads beside the tracks of wheels."""
        cover = surfaces.snow(random, _SIDE, 0.35, (0.1, 0.1, 0.1))
        cover = np.tile(cover, (1, 2, 1))[: len(picture), : picture.shape[1]]
        keep = np.full(len(picture), 0.85)
        if name == "asphalt":
            across = np.abs(np.linspace(-3.5, 3.5, len(picture)))
            keep = np.clip(np.abs(np.abs(across - 1.75) - 0.75) / 0.45 - 0.2, 0.0, 0.9)
        part = keep[:, None, None]
        out: Array = (1.0 - part) * picture + part * cover
        return out

    def _pooled(self, picture: Array, long: int) -> tuple[Array, float]:
        condition = self.condition
        if not condition.lamps:
            return picture, 0.0
        # The lamp stands at half of the picture's length.
        away = (np.arange(long) / long - 0.5) * LAMP_M
        pool = np.exp(-0.5 * (away / 4.2) ** 2)[None, :, None] * np.array([1.0, 0.88, 0.65])
        night = condition.night
        base, gain = (0.5, 0.4) if night else (0.9, 0.25)
        return picture * (base + gain * pool), 1.0 if night else 0.0

    def _plants(self) -> None:
        builder, condition = self.builder, self.condition
        random = self._stream("bark")
        builder.surface("bark", as_colour(surfaces.bark(random, 64)), 1.0, 0.4)
        for k in range(3):
            random = self._stream(f"leaves {k}")
            colour = condition.leaf or (0.3, 0.26, 0.2)
            tone = np.array(colour) * random.uniform(0.8, 1.25, 3)
            picture = surfaces.foliage(random, 128, tuple(tone))
            if condition.snow > 0.0:
                white = surfaces.snow(random, 128, 0.55, (0.1, 0.13, 0.07))
                picture = 0.25 * picture + 0.75 * white
            builder.surface(f"leaves {k}", as_colour(picture), 0.7, 0.65)
        for k in range(_TREES):
            random = self._stream(f"tree {k}")
            tall = random.uniform(1.8, 2.8)
            builder.meshes[f"trunk {k}"] = _trunk(tall + 0.8, random.uniform(0.12, 0.22))
            if condition.leaf is None:
                builder.meshes[f"crown {k}"] = _branches(random, tall)
            else:
                builder.meshes[f"crown {k}"] = _crown(random, tall)

    def tree(self, random: np.random.Generator, x: float, y: float) -> None:
        """A tree of 5 to 9 m."""
        kind, scale = int(random.integers(_TREES)), float(random.choice(_SCALES))
        yaw, tone = float(random.uniform(0.0, 6.28)), int(random.integers(3))
        at, add = (x, y, 0.0), self.builder.add
        add("mesh", (scale,), "bark", at, yaw, mesh=f"trunk {kind}", label="tree")
        bare = self.condition.leaf is None
        crown = "bark" if bare else f"leaves {tone}"
        more: dict[str, Any] = {"label": "tree", "collides": False}
        add("mesh", (scale,), crown, at, yaw, mesh=f"crown {kind}", **more)

    def hedge(
        self, random: np.random.Generator, x: float, y: float, yaw: float, length: float
    ) -> None:
        """A hedge about its middle."""
        tall = random.uniform(0.45, 0.8)
        size, material = (0.5 * length, 0.35, tall), f"leaves {random.integers(3)}"
        self.builder.add("box", size, material, (x, y, tall), yaw, label="vegetation")

    def lamp(self, x: float, y: float, yaw: float) -> None:
        """A street lamp whose arm points along `yaw`."""
        add = self.builder.add
        add("cylinder", (0.07, 2.75), "pole", (x, y, 2.75), label="pole")
        reach = np.array([np.cos(yaw), np.sin(yaw)])
        arm, head = np.array([x, y]) + 0.7 * reach, np.array([x, y]) + 1.4 * reach
        more: dict[str, Any] = {"label": "pole", "collides": False}
        add("box", (0.7, 0.04, 0.04), "pole", (arm[0], arm[1], 5.5), yaw, **more)
        add("box", (0.3, 0.12, 0.06), "lamp", (head[0], head[1], 5.46), yaw, **more)

    def house(
        self, random: np.random.Generator, x: float, y: float, yaw: float, fields: tuple[int, ...]
    ) -> None:
        """A house about (x, y) whose front looks along `yaw`; fields wide, deep and high of 3 m."""
        half = 0.5 * FIELD_M * np.array(fields)
        add, look = self.builder.add, np.array([np.cos(yaw), np.sin(yaw)])
        material = f"facade {random.integers(_FACADES)}"
        size = (half[1], half[0], half[2])
        add("box", size, material, (x, y, half[2]), yaw, label="building")
        if random.random() < 0.55:
            ridge = random.uniform(1.5, 3.0)
            name = f"gable {fields[0]} {fields[1]} {round(ridge * 2)}"
            self.builder.meshes[name] = _gable(half[1] + 0.3, half[0] + 0.2, round(ridge * 2) / 2)
            at, roof = (x, y, 2.0 * half[2]), f"roof {random.integers(2)}"
            add("mesh", (1.0,), roof, at, yaw, mesh=name, label="building")
        else:
            size, top = (half[1] + 0.1, half[0] + 0.1, 0.2), (x, y, 2.0 * half[2] + 0.2)
            add("box", size, f"roof {random.integers(2)}", top, yaw, label="building")
        if random.random() < 0.5:
            front = np.array([x, y]) + (half[1] + 0.04) * look
            size, at = (0.04, half[0] - 0.1, 1.45), (front[0], front[1], 1.45)
            shop, more = f"shop {random.integers(_SHOPS)}", {"stretch": True}
            add("box", size, shop, at, yaw, label="building", **more)

    def hall(
        self, random: np.random.Generator, x: float, y: float, yaw: float, half: tuple[float, ...]
    ) -> None:
        """A building without windows but for a gate."""
        material = f"wall {random.integers(_WALLS)}"
        self.builder.add("box", half, material, (x, y, half[2]), yaw, label="building")
        gate = np.array([x, y]) + (half[0] + 0.03) * np.array([np.cos(yaw), np.sin(yaw)])
        size, at = (0.03, 1.6, 1.6), (gate[0], gate[1], 1.6)
        self.builder.add("box", size, f"sign {random.integers(3)}", at, yaw, label="building")


def _markings(picture: Array, condition: Condition) -> None:
    """A dashed line in the middle, lines at both rims."""
    rows, columns = picture.shape[:2]
    level = 0.75 * (1.0 - 0.35 * condition.wet) * (0.5 if condition.snow else 1.0)
    dashes = (np.arange(columns) * 4 // columns) % 2 == 0
    middle = slice(rows // 2 - 3, rows // 2 + 3)
    picture[middle, dashes] = level
    for edge in (slice(6, 11), slice(rows - 11, rows - 6)):
        picture[edge] = level


def _trunk(tall: float, radius: float) -> Mesh:
    angle = np.linspace(0.0, 2.0 * np.pi, 7)[:-1]
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    vertices = np.concatenate(
        [
            np.column_stack([radius * ring, np.zeros(6)]),
            np.column_stack([0.55 * radius * ring, np.full(6, tall)]),
        ]
    )
    k = np.arange(6)
    n = (k + 1) % 6
    faces = np.concatenate([np.stack([k, n, n + 6], 1), np.stack([k, n + 6, k + 6], 1)])
    return Mesh(vertices, faces.astype(np.int32))


def _icosphere() -> tuple[Array, NDArray[np.int32]]:
    """80 triangles about the origin."""
    g = 0.5 * (1.0 + np.sqrt(5.0))
    base = np.array(
        [[-1, g, 0], [1, g, 0], [-1, -g, 0], [1, -g, 0], [0, -1, g], [0, 1, g], [0, -1, -g],
         [0, 1, -g], [g, 0, -1], [g, 0, 1], [-g, 0, -1], [-g, 0, 1]], float,
    )  # fmt: skip
    base /= np.linalg.norm(base, axis=1, keepdims=True)
    triples = [[0, 11, 5], [0, 5, 1], [0, 1, 7], [0, 7, 10], [0, 10, 11], [1, 5, 9], [5, 11, 4],
               [11, 10, 2], [10, 7, 6], [7, 1, 8], [3, 9, 4], [3, 4, 2], [3, 2, 6], [3, 6, 8],
               [3, 8, 9], [4, 9, 5], [2, 4, 11], [6, 2, 10], [8, 6, 7], [9, 8, 1]]  # fmt: skip
    points, between, faces = list(base), {}, []
    for a, b, c in triples:
        middles = []
        for p, q in ((a, b), (b, c), (c, a)):
            key = (min(p, q), max(p, q))
            if key not in between:
                middle = points[p] + points[q]
                between[key] = len(points)
                points.append(middle / np.linalg.norm(middle))
            middles.append(between[key])
        ab, bc, ca = middles
        faces += [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
    return np.array(points), np.array(faces, np.int32)


def _crown(random: np.random.Generator, tall: float) -> Mesh:
    """Lumps of leaves about a trunk's end."""
    sphere, triples = _icosphere()
    vertices: list[Array] = []
    faces = []
    for k in range(int(random.integers(2, 5))):
        lump = sphere * random.uniform(0.8, 1.15, (len(sphere), 1))
        lump = lump * random.uniform(1.0, 1.9, 3)
        shift = random.uniform(-0.9, 0.9, 3) * (k > 0)
        faces.append(triples + len(sphere) * len(vertices))
        vertices.append(lump + shift + np.array([0.0, 0.0, tall + 1.1]))
    return Mesh(np.concatenate(vertices), np.concatenate(faces))


def _branches(random: np.random.Generator, tall: float) -> Mesh:
    """Bare branches: slender three-sided pyramids."""
    vertices: list[Array] = []
    faces = []
    for _ in range(34):
        root = np.array([0.0, 0.0, random.uniform(0.75 * tall, tall + 0.8)])
        way = random.standard_normal(3) * np.array([1.0, 1.0, 0.4]) + np.array([0.0, 0.0, 0.7])
        way *= random.uniform(1.1, 2.3) / np.linalg.norm(way)
        side = np.cross(way, random.standard_normal(3))
        side *= random.uniform(0.025, 0.05) / np.linalg.norm(side)
        other = np.cross(way / np.linalg.norm(way), side)
        n = 4 * len(vertices)
        vertices.append(np.array([root + side, root + other, root - side - other, root + way]))
        faces += [[n, n + 1, n + 3], [n + 1, n + 2, n + 3], [n + 2, n, n + 3]]
    return Mesh(np.concatenate(vertices), np.array(faces, np.int32))


def _gable(half_x: float, half_y: float, tall: float) -> Mesh:
    """A roof whose ridge runs along y."""
    vertices = np.array(
        [[-half_x, -half_y, 0], [half_x, -half_y, 0], [half_x, half_y, 0], [-half_x, half_y, 0],
         [0, -half_y, tall], [0, half_y, tall]], float,
    )  # fmt: skip
    faces = [[1, 2, 5], [1, 5, 4], [3, 0, 4], [3, 4, 5], [0, 1, 4], [2, 3, 5], [0, 2, 1], [0, 3, 2]]
    return Mesh(vertices, np.array(faces, np.int32))
