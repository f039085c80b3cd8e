"""A street with cars, cyclists and pedestrians who keep to lanes, pavements and crossings.

It runs along x through a town. Traffic keeps to the right: on each side of the middle a lane for
cars, a cycle lane, parked cars and a pavement. At the crossing in the middle vehicles stop while
people cross. The start is in a free lane between the two directions, in which a robot may drive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import parameter
from spikeloop_sim.robot import random_stream
from spikeloop_sim.worlds import figures
from spikeloop_sim.worlds.building import Builder, heading
from spikeloop_sim.worlds.conditions import CONDITIONS, NAMES
from spikeloop_sim.worlds.scene import Mover, Pose, Scene
from spikeloop_sim.worlds.streetscape import LAMP_M, Streetscape
from spikeloop_sim.worlds.surfaces import FIELD_M
from spikeloop_sim.worlds.traffic import STEP_S, Crossing, Lane, drive

Array = NDArray[np.float64]
FREE_M, LANE_M, CYCLE_M, BAY_M, PAVEMENT_M, KERB_M = 1.75, 3.4, 1.5, 2.2, 3.0, 0.12
"""Half width of the free lane; widths of the others, of bay and pavement; height of a kerb."""
_CARS_AT = FREE_M + 0.5 * LANE_M
_CYCLES_AT = FREE_M + LANE_M + 0.5 * CYCLE_M
_BAY_AT = FREE_M + LANE_M + CYCLE_M + 0.5 * BAY_M
_EDGE = FREE_M + LANE_M + CYCLE_M + BAY_M
_OUTER = _EDGE + PAVEMENT_M
_PERIOD_S, _OPEN_S, _CLEAR_S = 30.0, 6.0, 12.0
_STRIPES = 12


@dataclass(frozen=True)
class Config:
    """Parameters of the road."""

    length_m: float = parameter(160.0, "of the street", unit="m", low=80.0, high=1000.0)
    cars: int = parameter(6, "cars that drive, on each side", low=0, high=40)
    cyclists: int = parameter(2, "cyclists, on each side", low=0, high=20)
    pedestrians: int = parameter(8, "people who walk along the pavements", low=0, high=60)
    crossers: int = parameter(4, "people who cross at the crossing", low=0, high=20)
    parked: float = parameter(0.5, "part of the bays with a car", low=0.0, high=1.0)
    car_m_s: float = parameter(9.0, "mean speed that drivers wish", unit="m/s", low=3.0, high=20.0)
    cyclist_m_s: float = parameter(4.8, "the same of cyclists", unit="m/s", low=2.0, high=10.0)
    seconds: float = parameter(
        120.0, "after which all begins again", unit="s", low=60.0, high=3600.0
    )
    condition: str = parameter("day", "time of day, weather or season", choices=NAMES)

    def __post_init__(self) -> None:
        """Refuse times in which those who cross don't come back."""
        if self.seconds % (2.0 * _PERIOD_S):
            raise ValueError(
                f"seconds must be a multiple of {2.0 * _PERIOD_S:g}, not {self.seconds:g}"
            )


def make(seed: int, config: Config) -> Scene:
    """Build the street; see the module. The route is the free lane, along +x."""
    condition = CONDITIONS[config.condition]
    builder = Builder("road", seed)
    street = Streetscape(builder, seed, condition)
    _ground(builder, config)
    random = random_stream(seed, "road/houses")
    for side in (-1.0, 1.0):
        _houses(street, random, side, config)
    _parked(builder, random_stream(seed, "road/parked"), config)
    glow = 1.0 if condition.lamps else 0.0
    for side in (-1.0, 1.0):
        _vehicles(builder, random_stream(seed, f"road/cars/{side:+.0f}"), side, config, glow)
        _cyclists(builder, random_stream(seed, f"road/cyclists/{side:+.0f}"), side, config)
    _walkers(builder, random_stream(seed, "road/walkers"), config)
    _crossers(builder, random_stream(seed, "road/crossers"), config)
    builder.lights += condition.lights
    way = np.arange(5.0, config.length_m - 5.0, 1.0)
    return builder.scene(
        **condition.air(random_stream(seed, f"road/sky/{config.condition}")),
        start=Pose((5.0, 0.0, 0.0), heading(0.0)),
        goal=(config.length_m - 5.0, 0.0, 0.0),
        route=np.column_stack([way, np.zeros((len(way), 2))]),
    )


def _ground(builder: Builder, config: Config) -> None:
    """Pieces as long as a lamp's picture; stripes of the crossing."""
    long = 0.5 * config.length_m
    at = (long, 0.0, -0.1)
    builder.add("box", (long + 60.0, 80.0, 0.1), "grass", at, label="ground")
    more: dict[str, Any] = {"stretch": True, "collides": False}
    for x in np.arange(0.5 * LAMP_M - LAMP_M, config.length_m + LAMP_M, LAMP_M):
        size = (0.5 * LAMP_M, _EDGE, 0.002)
        builder.add("box", size, "asphalt", (float(x), 0.0, 0.003), label="road", **more)
        for side in (-1.0, 1.0):
            size = (0.5 * LAMP_M, 0.5 * PAVEMENT_M, 0.5 * KERB_M)
            place = (float(x), side * 0.5 * (_EDGE + _OUTER), 0.5 * KERB_M)
            builder.add("box", size, "pavement", place, label="pavement", **more)
    builder.paint("stripe", 0.75, 0.8)
    for k in range(_STRIPES):
        y = -_EDGE + (k + 0.5) * 2.0 * _EDGE / _STRIPES
        size, place = (1.6, 0.45 * _EDGE / _STRIPES, 0.002), (long, y, 0.007)
        builder.add("box", size, "stripe", place, label="road", collides=False)
    for side in (-1.0, 1.0):
        for x in np.arange(0.0, config.length_m, 12.0):
            size = (3.0, 0.06, 0.002)
            for y in (FREE_M, FREE_M + LANE_M):
                place = (float(x), side * y, 0.007)
                builder.add("box", size, "stripe", place, label="road", collides=False)


def _houses(street: Streetscape, random: np.random.Generator, side: float, config: Config) -> None:
    """Fronts, trees and lamps beside one pavement."""
    yaw, way = -side * 0.5 * np.pi, -20.0
    while way < config.length_m + 20.0:
        if random.random() < 0.12:
            for _ in range(3):
                x, y = way + random.uniform(1.0, 11.0), side * (_OUTER + random.uniform(2.0, 9.0))
                street.tree(random, float(x), float(y))
            way += 12.0
            continue
        fields = (int(random.integers(2, 6)), 3, int(random.integers(2, 6)))
        wide = FIELD_M * fields[0]
        y = side * (_OUTER + random.uniform(0.1, 0.5) + 0.5 * FIELD_M * fields[1])
        street.house(random, float(way + 0.5 * wide), float(y), yaw, fields)
        way += wide + 0.05
    for x in np.arange(0.5 * LAMP_M, config.length_m, LAMP_M):
        street.lamp(float(x), side * (_EDGE + 0.4), yaw)
        if random.random() < 0.4:
            street.tree(random, float(x) + 0.5 * LAMP_M, side * (_EDGE + 0.8))


def _parked(builder: Builder, random: np.random.Generator, config: Config) -> None:
    models = [figures.car(builder, random, f"parked {k}") for k in range(6)]
    middle, count = 0.5 * config.length_m, 0
    for side in (-1.0, 1.0):
        for x in np.arange(4.0, config.length_m - 4.0, 6.5):
            if abs(x - middle) < 7.0 or random.random() >= config.parked:
                continue
            at = (float(x + random.uniform(-0.4, 0.4)), side * _BAY_AT, 0.0)
            shapes = models[int(random.integers(len(models)))]
            yaw = 0.0 if side < 0 else np.pi
            builder.shapes += figures.placed(shapes, at, yaw, f"parked car {count}")
            count += 1


def _crossing(config: Config) -> Crossing:
    """In the metres of either direction: the crossing is in the middle."""
    line = 0.5 * config.length_m - 3.0
    return Crossing(line, _PERIOD_S, _OPEN_S, _CLEAR_S)


def _along(
    builder: Builder, name: str, label: str, shapes: Any, way: Array, side: float, y: float,
    config: Config,
) -> None:  # fmt: skip
    """A mover along a lane of one direction; at its end it is put back to the beginning."""
    place = way % config.length_m
    times = STEP_S * np.arange(len(way), dtype=np.float64)
    x, yaw = (place, 0.0) if side < 0 else (config.length_m - place, np.pi)
    poses = np.column_stack([x, np.full(len(x), side * y), np.zeros(len(x)), np.full(len(x), yaw)])
    jumps = np.flatnonzero(np.abs(np.diff(place)) > 0.5 * config.length_m)
    # A jump takes a microsecond, right before the sample after it.
    times = np.insert(times, jumps + 1, times[jumps + 1] - 1e-6)
    poses = np.insert(poses, jumps + 1, poses[jumps], axis=0)
    builder.movers.append(Mover(name, label, shapes, times, poses))


def _lane(
    random: np.random.Generator, config: Config, speed: float, count: int, length: float,
    acceleration: float,
) -> Array:  # fmt: skip
    """Ways (steps + 1, n) of the vehicles of a lane."""
    speeds = speed * random.uniform(0.85, 1.15, count)
    lane = Lane(config.length_m, speeds, np.full(count, length), acceleration, (_crossing(config),))
    gap = config.length_m / count
    places = gap * (np.arange(count)[::-1] + random.uniform(0.0, 0.3, count))
    return drive(lane, places, config.seconds)


def _vehicles(
    builder: Builder, random: np.random.Generator, side: float, config: Config, glow: float
) -> None:
    if config.cars == 0:
        return
    ways = _lane(random, config, config.car_m_s, config.cars, 4.6, 1.5)
    for k in range(config.cars):
        key = f"{'east' if side < 0 else 'west'} {k}"
        shapes = figures.car(builder, random, key, glow)
        _along(builder, f"car {key}", "car", shapes, ways[:, k], side, _CARS_AT, config)


def _cyclists(builder: Builder, random: np.random.Generator, side: float, config: Config) -> None:
    if config.cyclists == 0:
        return
    ways = _lane(random, config, config.cyclist_m_s, config.cyclists, 1.8, 0.8)
    for k in range(config.cyclists):
        key = f"{'east' if side < 0 else 'west'} {k}"
        shapes = figures.cyclist(builder, random, key)
        _along(builder, f"cyclist {key}", "cyclist", shapes, ways[:, k], side, _CYCLES_AT, config)


def _walkers(builder: Builder, random: np.random.Generator, config: Config) -> None:
    """People along the pavements, each to and fro, at a speed of their own."""
    for k in range(config.pedestrians):
        shapes = figures.pedestrian(builder, random, str(k))
        side, speed = float(random.choice((-1.0, 1.0))), random.uniform(1.0, 1.6)
        y = side * random.uniform(_EDGE + 1.2, _OUTER - 0.4)
        # A whole number of turns in the street's period, so that nobody jumps.
        reach = 0.5 * speed * config.seconds
        turns = int(np.ceil(reach / (0.9 * config.length_m)))
        reach /= turns
        begin = random.uniform(0.02 * config.length_m, 0.98 * config.length_m - reach)
        legs = config.seconds / (2 * turns)
        times, poses = [], []
        for turn in range(2 * turns):
            there, back = (begin, begin + reach) if turn % 2 == 0 else (begin + reach, begin)
            yaw = 0.0 if turn % 2 == 0 else np.pi
            times += [turn * legs, (turn + 1) * legs - 0.8]
            poses += [[there, y, KERB_M, yaw], [back, y, KERB_M, yaw]]
        times.append(config.seconds)
        poses.append(poses[0])
        row = Mover(f"pedestrian {k}", "pedestrian", shapes, np.array(times), np.array(poses))
        builder.movers.append(row)


def _crossers(builder: Builder, random: np.random.Generator, config: Config) -> None:
    """People who wait at the kerb, cross while the road is closed, and come back the next time."""
    middle, half = 0.5 * config.length_m, _EDGE + 0.7
    for k in range(config.crossers):
        shapes = figures.pedestrian(builder, random, f"crossing {k}")
        side, speed = float(random.choice((-1.0, 1.0))), random.uniform(1.4, 1.7)
        x, delay = middle + random.uniform(-1.4, 1.4), random.uniform(0.5, 0.55 * _OPEN_S)
        times, poses = [0.0], [[x, side * half, KERB_M, -side * 0.5 * np.pi]]
        for cycle in range(round(config.seconds / _PERIOD_S)):
            begin = cycle * _PERIOD_S + delay
            yaw = -side * 0.5 * np.pi
            spots = [side * half, side * _EDGE, side * (_EDGE - 0.25)]
            spots += [-spot for spot in spots[::-1]]
            heights = [KERB_M, KERB_M, 0.0, 0.0, KERB_M, KERB_M]
            spent = begin + np.abs(np.array(spots) - spots[0]) / speed
            times += spent.tolist()
            poses += [[x, y, z, yaw] for y, z in zip(spots, heights, strict=True)]
            side = -side
            times.append(spent[-1] + 1.0)
            poses.append([x, side * half, KERB_M, -side * 0.5 * np.pi])
        times.append(config.seconds)
        poses.append(poses[0])
        name = f"crossing pedestrian {k}"
        row = Mover(name, "pedestrian", shapes, np.array(times), np.array(poses))
        builder.movers.append(row)
