"""An outdoor loop through streets, gardens and parks, for place recognition.

The seed fixes the loop, buildings, trees and what all surfaces are made of; the condition changes
light, sky, wetness, snow, leaves, lit windows and the parked cars. `Scene.route` has the places, at
equal distances along the middle of the right lane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeloop.parameters import parameter
from spikeloop_sim.robot import random_stream
from spikeloop_sim.worlds import figures
from spikeloop_sim.worlds.building import Builder, heading
from spikeloop_sim.worlds.conditions import CONDITIONS, NAMES
from spikeloop_sim.worlds.loops import Loop
from spikeloop_sim.worlds.scene import Pose, Scene
from spikeloop_sim.worlds.streetscape import LAMP_M, Streetscape
from spikeloop_sim.worlds.surfaces import FIELD_M

ROAD_M, BAY_M, PAVEMENT_M, KERB_M = 3.5, 2.2, 2.4, 0.12
"""Half width of the road, of the parking bays beside it, of a pavement; height of a kerb."""
_OUTER = ROAD_M + BAY_M + PAVEMENT_M
_PIECE_M = LAMP_M
_DISTRICTS = ("terrace", "villas", "park", "industry", "fields")
_CHANCES = (0.32, 0.28, 0.18, 0.12, 0.10)


@dataclass(frozen=True)
class Config:
    """Parameters of the route."""

    places: int = parameter(500, "places along the loop", low=50, high=5000)
    spacing_m: float = parameter(1.5, "from one place to the next", unit="m", low=0.5, high=20.0)
    condition: str = parameter("day", "time of day, weather or season", choices=NAMES)
    cars: int = parameter(1, "visit: another one has other cars parked", low=0, high=1000)


def make(seed: int, config: Config) -> Scene:
    """Build the route; see the module.

    Raises:
        ValueError: the loop would be shorter than 200 m.

    """
    length = config.places * config.spacing_m
    if length < 200.0:
        raise ValueError(
            f"{config.places} places at {config.spacing_m:g} m make a loop of {length:g} m; "
            "200 m are the least"
        )
    # A whole number of lamps goes round.
    loop = Loop.make(random_stream(seed, "route/loop"), length, 24.0)
    condition = CONDITIONS[config.condition]
    builder = Builder("route", seed)
    street = Streetscape(builder, seed, condition)
    _ground(builder, loop)
    _lamps(street, loop)
    for side in (-1.0, 1.0):
        _frontage(street, loop, random_stream(seed, f"route/side {side:+.0f}"), side)
    _parked(street, loop, seed, config)
    builder.lights += condition.lights
    way = config.spacing_m * np.arange(config.places, dtype=np.float64)
    route = loop.at(way, -0.5 * ROAD_M)
    x, y, yaw = route[0]
    return builder.scene(
        **condition.air(random_stream(seed, f"route/sky/{config.condition}")),
        start=Pose((float(x), float(y), 0.0), heading(float(yaw))),
        route=route,
    )


def _pieces(loop: Loop) -> tuple[np.ndarray, float]:
    """Where the pieces of ribbon begin, and the way between lamps, which fits a whole number."""
    count = max(round(loop.length / _PIECE_M), 1)
    return np.arange(count) * (loop.length / count), loop.length / count


def _ground(builder: Builder, loop: Loop) -> None:
    low, high = loop.fine.min(axis=0) - 120.0, loop.fine.max(axis=0) + 120.0
    half, centre = 0.5 * (high - low), 0.5 * (high + low)
    at = (float(centre[0]), float(centre[1]), -0.1)
    builder.add("box", (half[0], half[1], 0.1), "grass", at, label="ground")
    starts, period = _pieces(loop)
    edge = ROAD_M + BAY_M
    strips = [
        ("asphalt", (-edge, edge), (0.005, 0.005), "road"),
        ("pavement", (edge, _OUTER), (KERB_M, KERB_M), "pavement"),
        ("pavement", (-_OUTER, -edge), (KERB_M, KERB_M), "pavement"),
        ("kerb", (edge, edge), (0.0, KERB_M), "pavement"),
        ("kerb", (-edge, -edge), (KERB_M, 0.0), "pavement"),
    ]
    for k, begin in enumerate(starts):
        for n, (material, sides, heights, label) in enumerate(strips):
            name = f"strip {k} {n}"
            mesh = loop.ribbon((begin, begin + period), sides, heights, period)
            middle = mesh.vertices.mean(axis=0) * np.array([1.0, 1.0, 0.0])
            builder.meshes[name] = type(mesh)(mesh.vertices - middle, mesh.faces, mesh.uv)
            at = (float(middle[0]), float(middle[1]), 0.0)
            builder.add("mesh", (1.0,), material, at, mesh=name, label=label, collides=False)


def _lamps(street: Streetscape, loop: Loop) -> None:
    starts, period = _pieces(loop)
    for side in (-1.0, 1.0):
        spots = loop.at(starts + 0.5 * period, side * (ROAD_M + BAY_M + 0.4))
        for x, y, yaw in spots:
            street.lamp(float(x), float(y), float(yaw - side * 0.5 * np.pi))


def _frontage(street: Streetscape, loop: Loop, random: np.random.Generator, side: float) -> None:
    """All that stands beside the road on one side, district by district."""
    way = 0.0
    while way < loop.length - 15.0:
        kind = str(random.choice(_DISTRICTS, p=_CHANCES))
        end = min(way + random.uniform(45.0, 130.0), loop.length - 4.0)
        while way < end:
            way += _PLOTS[kind](street, loop, random, side, way)


def _spot(loop: Loop, way: float, side: float, away: float) -> tuple[float, float, float]:
    """x, y there, and the yaw that looks to the road."""
    x, y, yaw = loop.at(np.array([way]), side * (_OUTER + away))[0]
    return float(x), float(y), float(yaw - side * 0.5 * np.pi)


def _terrace(
    street: Streetscape, loop: Loop, random: np.random.Generator, side: float, way: float
) -> float:
    fields = (int(random.integers(2, 6)), 3, int(random.integers(2, 5)))
    wide = FIELD_M * fields[0]
    away = random.uniform(0.1, 0.6) + 0.5 * FIELD_M * fields[1]
    street.house(random, *_spot(loop, way + 0.5 * wide, side, away), fields)
    if random.random() < 0.25:
        x, y, _ = _spot(loop, way + wide, side, -0.5)
        street.builder.add("box", (0.25, 0.25, 0.5), "bin", (x, y, 0.6), label="furniture")
    return wide + (random.uniform(2.0, 6.0) if random.random() < 0.2 else 0.05)


def _villas(
    street: Streetscape, loop: Loop, random: np.random.Generator, side: float, way: float
) -> float:
    fields = (int(random.integers(2, 5)), int(random.integers(2, 4)), int(random.integers(1, 4)))
    plot = FIELD_M * fields[0] + random.uniform(4.0, 9.0)
    away = random.uniform(3.5, 8.0) + 0.5 * FIELD_M * fields[1]
    street.house(random, *_spot(loop, way + 0.5 * plot, side, away), fields)
    gate = random.uniform(0.25, 0.75) * plot
    fenced = random.random()
    for begin, end in ((0.0, gate - 0.8), (gate + 0.8, plot)):
        if end - begin < 0.8:
            continue
        x, y, yaw = _spot(loop, way + 0.5 * (begin + end), side, 0.5)
        if fenced < 0.5:
            street.hedge(random, x, y, yaw + 0.5 * np.pi, end - begin)
        elif fenced < 0.8:
            size, material = (0.12, 0.5 * (end - begin), 0.45), f"wall {random.integers(2)}"
            street.builder.add("box", size, material, (x, y, 0.45), yaw, label="wall")
    for _ in range(int(random.integers(0, 3))):
        x, y, _ = _spot(loop, way + random.uniform(0.0, plot), side, random.uniform(1.5, 3.0))
        street.tree(random, x, y)
    return plot


def _park(
    street: Streetscape, loop: Loop, random: np.random.Generator, side: float, way: float
) -> float:
    for _ in range(int(random.integers(1, 4))):
        x, y, _ = _spot(loop, way + random.uniform(0.0, 8.0), side, random.uniform(1.5, 18.0))
        street.tree(random, x, y)
    if random.random() < 0.3:
        x, y, yaw = _spot(loop, way, side, 0.6)
        more: dict[str, Any] = {"label": "furniture"}
        street.builder.add("box", (0.22, 0.8, 0.04), "wood", (x, y, 0.45), yaw, **more)
        street.builder.add("box", (0.04, 0.8, 0.2), "wood", (x, y, 0.7), yaw, **more)
    if random.random() < 0.3:
        x, y, yaw = _spot(loop, way, side, random.uniform(3.0, 9.0))
        street.hedge(random, x, y, yaw + random.uniform(-1.0, 1.0), random.uniform(1.5, 5.0))
    return float(random.uniform(4.0, 9.0))


def _industry(
    street: Streetscape, loop: Loop, random: np.random.Generator, side: float, way: float
) -> float:
    half = (random.uniform(5.0, 8.0), random.uniform(7.0, 12.0), random.uniform(2.2, 4.5))
    street.hall(random, *_spot(loop, way + half[1], side, 2.5 + half[0]), half)
    return float(2.0 * half[1] + random.uniform(3.0, 8.0))


def _fields(
    street: Streetscape, loop: Loop, random: np.random.Generator, side: float, way: float
) -> float:
    x, y, yaw = _spot(loop, way, side, 0.8)
    street.builder.add("cylinder", (0.06, 0.55), "wood", (x, y, 0.55), label="pole")
    if random.random() < 0.25:
        x, y, _ = _spot(loop, way, side, random.uniform(6.0, 22.0))
        street.tree(random, x, y)
    if random.random() < 0.12:
        x, y, yaw = _spot(loop, way, side, 0.4)
        street.builder.add("cylinder", (0.04, 1.1), "pole", (x, y, 1.1), label="pole")
        size, material = (0.3, 0.02, 0.3), f"sign {random.integers(3)}"
        at = (x, y, 2.3)
        street.builder.add("box", size, material, at, yaw + 0.5 * np.pi, label="sign")
    return float(random.uniform(3.0, 5.0))


_PLOTS = {
    "terrace": _terrace,
    "villas": _villas,
    "park": _park,
    "industry": _industry,
    "fields": _fields,
}


def _parked(street: Streetscape, loop: Loop, seed: int, config: Config) -> None:
    """Cars in the bays, others in each condition and at each visit."""
    random = random_stream(seed, f"route/cars/{config.condition}/{config.cars}")
    builder = street.builder
    lights = 0.0
    models = [figures.car(builder, random, str(k), lights) for k in range(8)]
    count = 0
    for side in (-1.0, 1.0):
        way = 2.0
        while way < loop.length - 8.0:
            if random.random() < 0.3:
                x, y, yaw = loop.at(np.array([way]), side * (ROAD_M + 0.5 * BAY_M))[0]
                turn = yaw + (0.0 if side < 0 else np.pi)
                shapes = models[int(random.integers(len(models)))]
                at = (float(x), float(y), 0.0)
                builder.shapes += figures.placed(shapes, at, float(turn), f"car {count}")
                count += 1
            way += float(random.uniform(5.8, 9.0))
