"""Missions: what is flown, by which nodes, and when it counts as a success.

A mission is a YAML file. Everything in it is checked when it is read, and what is wrong is named
with the file and the nearest name that exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from spikeloop.installed import share_directory as share_directory
from spikeloop.loop.criteria import judge_of
from spikeloop.loop.guiding import Guide, Pose4, Route, Steps
from spikeloop.loop.slots import SLOTS
from spikeloop.parameters import suggestion

OF_WORLD = "world"
"""A goal or route with this word is the world's own."""
Place = Pose4 | str


class MissionError(ValueError):
    """A mission, slot or node doesn't exist or a field is wrong; the message says what to do."""


@dataclass(frozen=True)
class Variant:
    """The same mission flown otherwise, for comparison.

    Attributes:
        label: what the report calls it.
        slots: nodes that it swaps.
        parameters: of nodes, by slot, beside those of the mission.

    """

    label: str
    slots: Mapping[str, str]
    parameters: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Mission:
    """A checked mission.

    Attributes:
        name: its name, which is also that of its file.
        text: what happens, in a sentence.
        robot: simulated robot.
        duration: s of simulated time.
        slots: node in each slot, in order of dependency.
        world: what the robot is in; empty where it has its own.
        world_parameters: of the world.
        setpoints: (time s, pose), the first at 0; empty where there are none.
        goal: x, y (m) and yaw (rad) in `map`, or `OF_WORLD`; None where there is none.
        route: such poses one after the other, or `OF_WORLD`; None where there is none.
        reach: how near a place of the route must be for the next one to be the set-point, m.
        robot_parameters: of the simulated robot.
        parameters: of each node, by slot.
        criteria: `kind` and bounds, as `spikeloop.loop.criteria` reads them.
        prepare: `kind` and parameters of what is made of the world before it begins.
        compare: what its report shows beside it, on the same seed.

    """

    name: str
    text: str
    robot: str
    duration: float
    slots: Mapping[str, str]
    world: str = ""
    world_parameters: Mapping[str, Any] = field(default_factory=dict)
    setpoints: tuple[tuple[float, Pose4], ...] = ()
    goal: Place | None = None
    route: tuple[Pose4, ...] | str | None = None
    reach: float = 1.0
    robot_parameters: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    criteria: Mapping[str, Any] = field(default_factory=dict)
    prepare: Mapping[str, Any] = field(default_factory=dict)
    compare: tuple[Variant, ...] = ()

    @property
    def has_setpoints(self) -> bool:
        """Whether the controller is told where to go."""
        return bool(self.setpoints or self.goal is not None or self.route is not None)

    def guide(
        self, goal: Sequence[float] | None = None, route: Sequence[Sequence[float]] = ()
    ) -> Guide | None:
        """What gives the set-points; None where the mission has none.

        Args:
            goal: of the world, x, y and, if need be, z and yaw; None where it has none.
            route: of the world, places of x, y and heading, or of x, y, z and heading.

        Raises:
            MissionError: the mission asks for what the world doesn't have.

        """
        if self.setpoints:
            return Steps(self.setpoints)
        if self.route is not None:
            places = [pose_of(place) for place in route] if self.route == OF_WORLD else self.route
            if not places:
                raise MissionError(f"mission '{self.name}': world '{self.world}' has no route")
            return Route([place for place in places if not isinstance(place, str)], self.reach)
        if self.goal is None:
            return None
        if not isinstance(self.goal, str):
            return Steps([(0.0, self.goal)])
        if goal is None:
            raise MissionError(f"mission '{self.name}': world '{self.world}' has no goal")
        return Steps([(0.0, (float(goal[0]), float(goal[1]), 0.0, 0.0))])


_REQUIRED = ("text", "robot", "duration", "slots")
_GUIDING = ("setpoints", "goal", "route")
_FIELDS = (
    *_REQUIRED,
    "world",
    "world_parameters",
    *_GUIDING,
    "reach",
    "robot_parameters",
    "parameters",
    "criteria",
    "prepare",
    "compare",
)


def missions() -> dict[str, Path]:
    """All missions that are installed: name to file."""
    folder = share_directory() / "config" / "missions"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_mission(name: str) -> Mission:
    """Read a mission by name, or by the path of its file.

    Raises:
        MissionError: it doesn't exist, isn't YAML, or a field is missing, unknown or wrong.

    """
    known = missions()
    path = Path(name) if name.endswith(".yaml") else known.get(name)
    if path is None:
        raise MissionError(
            f"unknown mission '{name}'{suggestion(name, known)}; "
            f"there are: {', '.join(known) or 'none'}"
        )
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissionError(f"{path}: can't be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MissionError(f"{path}: is no YAML: {error}") from error
    if not isinstance(data, dict):
        raise MissionError(f"{path}: must be a mapping of fields")
    return _checked(path, data)


def _checked(path: Path, data: dict[str, Any]) -> Mission:
    for key in data:
        if key not in _FIELDS:
            raise MissionError(f"{path}: unknown field '{key}'{suggestion(str(key), _FIELDS)}")
    for key in _REQUIRED:
        if key not in data:
            raise MissionError(f"{path}: field '{key}' is missing")
    for section in ("slots", "parameters"):
        _check_slots(path, section, data.get(section))
    duration = _number(path, data, "duration", 0.0)
    if not data.get("world") and data.get("world_parameters"):
        raise MissionError(f"{path}: 'world_parameters' are given, but no 'world'")
    setpoints, goal, route = _guiding(path, data)
    criteria = data.get("criteria") or {}
    try:
        judge_of(criteria)
    except (ValueError, AttributeError) as error:
        raise MissionError(f"{path}: {error}") from error
    return Mission(
        name=path.stem,
        text=str(data["text"]),
        robot=str(data["robot"]),
        duration=duration,
        slots=dict(data["slots"]),
        world=str(data.get("world") or ""),
        world_parameters=data.get("world_parameters") or {},
        setpoints=setpoints,
        goal=goal,
        route=route,
        reach=_number(path, data, "reach", 1.0),
        robot_parameters=data.get("robot_parameters") or {},
        parameters=data.get("parameters") or {},
        criteria=criteria,
        prepare=data.get("prepare") or {},
        compare=tuple(_variant(path, entry) for entry in data.get("compare") or ()),
    )


def _number(path: Path, data: dict[str, Any], name: str, usual: float) -> float:
    value = data.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise MissionError(f"{path}: {name} must be a number, not {value!r}")
    if not value > 0.0:
        raise MissionError(f"{path}: {name} must be above 0, not {value:g}")
    return float(value)


def _guiding(
    path: Path, data: dict[str, Any]
) -> tuple[tuple[tuple[float, Pose4], ...], Place | None, tuple[Pose4, ...] | str | None]:
    """Set-points, goal and route, of which a mission has one at most."""
    given = [name for name in _GUIDING if name in data]
    if len(given) > 1:
        raise MissionError(f"{path}: {' and '.join(given)} exclude each other; leave one")
    for name in ("goal", "route"):
        if data.get(name) == OF_WORLD and not data.get("world"):
            raise MissionError(f"{path}: '{name}: {OF_WORLD}' needs a 'world'")
    setpoints = _setpoints(path, data["setpoints"]) if "setpoints" in data else ()
    try:
        goal, route = data.get("goal"), data.get("route")
        if goal is not None and goal != OF_WORLD:
            goal = pose_of(goal)
        if route is not None and route != OF_WORLD:
            route = tuple(pose_of(place) for place in route)
    except (TypeError, ValueError) as error:
        raise MissionError(
            f"{path}: 'goal' must be [x, y], [x, y, yaw] or [x, y, z, yaw], 'route' a list of "
            f"such, each or '{OF_WORLD}': {error}"
        ) from error
    if route == ():
        raise MissionError(f"{path}: 'route' must have a place")
    return setpoints, goal, route


def _setpoints(path: Path, rows: Any) -> tuple[tuple[float, Pose4], ...]:
    try:
        times = [float(row[0]) for row in rows]
        poses = [
            (0.0, 0.0, float(row[1]), 0.0) if len(row) == 2 else _four(row[1:]) for row in rows
        ]
    except (TypeError, ValueError, IndexError) as error:
        raise MissionError(
            f"{path}: 'setpoints' must be a list of [time s, altitude m] or "
            f"[time s, x, y, z, yaw]: {error}"
        ) from error
    if not times or times[0] != 0.0 or times != sorted(times):
        raise MissionError(f"{path}: setpoints must begin at time 0 and rise in time")
    return tuple(zip(times, poses, strict=True))


def _four(values: Sequence[Any]) -> Pose4:
    x, y, z, yaw = (float(value) for value in values)
    return x, y, z, yaw


def pose_of(place: Sequence[Any]) -> Pose4:
    """A place on the ground, x, y and, if given, yaw, or in the air, x, y, z, yaw, as a pose.

    Raises:
        TypeError, ValueError: it isn't two, three or four numbers.

    """
    if len(place) == 4:
        return _four(place)
    x, y, *rest = (float(value) for value in place)
    if len(rest) > 1:
        raise ValueError(f"a place has two, three or four numbers, not {len(place)}")
    return x, y, 0.0, rest[0] if rest else 0.0


def _variant(path: Path, data: Any) -> Variant:
    known = ("label", "slots", "parameters")
    if not isinstance(data, dict) or "label" not in data:
        raise MissionError(f"{path}: each entry of 'compare' must be a mapping with a 'label'")
    for key in data:
        if key not in known:
            raise MissionError(
                f"{path}: compare: unknown field '{key}'{suggestion(str(key), known)}"
            )
    for section in ("slots", "parameters"):
        _check_slots(path, f"compare: {section}", data.get(section))
    return Variant(str(data["label"]), data.get("slots") or {}, data.get("parameters") or {})


def _check_slots(path: Path, section: str, names: Iterable[str] | None) -> None:
    for name in names or ():
        if name not in SLOTS:
            raise MissionError(
                f"{path}: {section}: unknown slot '{name}'{suggestion(str(name), SLOTS)}"
            )
