"""Missions: what is flown, by which nodes, and when it counts as a success.

A mission is a YAML file. Everything in it is checked when it is read, and what is wrong is named
with the file and the nearest name that exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from spikeloop.installed import share_directory as share_directory
from spikeloop.loop.slots import SLOTS
from spikeloop.parameters import suggestion


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
        setpoints: (time s, altitude m), the first at 0.
        robot_parameters: of the simulated robot.
        parameters: of each node, by slot.
        criteria: success criteria, as `spikeloop.loop.criteria` reads them.
        compare: what its report shows beside it, on the same seed.

    """

    name: str
    text: str
    robot: str
    duration: float
    slots: Mapping[str, str]
    setpoints: tuple[tuple[float, float], ...]
    robot_parameters: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    criteria: Mapping[str, float] = field(default_factory=dict)
    compare: tuple[Variant, ...] = ()

    def setpoint_at(self, time_s: float) -> float:
        """The set-point that holds at a time, m."""
        return [value for start, value in self.setpoints if start <= time_s][-1]


_REQUIRED = ("text", "robot", "duration", "slots", "setpoints")
_FIELDS = (*_REQUIRED, "robot_parameters", "parameters", "criteria", "compare")


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
    try:
        setpoints = tuple((float(at), float(value)) for at, value in data["setpoints"])
        duration = float(data["duration"])
    except (TypeError, ValueError) as error:
        raise MissionError(
            f"{path}: 'setpoints' must be a list of [time s, altitude m] and "
            f"'duration' a number: {error}"
        ) from error
    if not setpoints or setpoints[0][0] != 0.0 or list(setpoints) != sorted(setpoints):
        raise MissionError(f"{path}: setpoints must begin at time 0 and rise in time")
    if duration <= 0.0:
        raise MissionError(f"{path}: duration must be above 0 s, not {duration:g}")
    return Mission(
        name=path.stem,
        text=str(data["text"]),
        robot=str(data["robot"]),
        duration=duration,
        slots=dict(data["slots"]),
        setpoints=setpoints,
        robot_parameters=data.get("robot_parameters") or {},
        parameters=data.get("parameters") or {},
        criteria=data.get("criteria") or {},
        compare=tuple(_variant(path, entry) for entry in data.get("compare") or ()),
    )


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
