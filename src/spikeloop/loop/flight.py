"""What happened in a mission: the record of a run, from which it is judged and reported."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Flight:
    """Series at the controller's period, and what went wrong.

    Attributes:
        mission: its name.
        seed: seed of the simulator.
        nodes: node in each slot.
        time: s.
        altitude: true altitude, m.
        setpoint: m.
        commands: what the thrusters got, one list an instant.
        safety_stops: (time s, reason).
        failure: why the mission ended early; empty where it didn't.
        metrics: figures of the flight by name; empty where it was too short for them.
        timing: all that depends on the wall clock.

    """

    mission: str
    seed: int
    nodes: dict[str, str]
    time: list[float] = field(default_factory=list)
    altitude: list[float] = field(default_factory=list)
    setpoint: list[float] = field(default_factory=list)
    commands: list[list[float]] = field(default_factory=list)
    safety_stops: list[tuple[float, str]] = field(default_factory=list)
    failure: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    timing: dict[str, Any] = field(default_factory=dict)

    def add(self, time_s: float, altitude: float, setpoint: float, command: list[float]) -> None:
        """Append one instant."""
        self.time.append(round(time_s, 6))
        self.altitude.append(altitude)
        self.setpoint.append(setpoint)
        self.commands.append(command)

    def series(self) -> dict[str, list[Any]]:
        """What was recorded at each instant, by name."""
        return {
            "time": self.time,
            "altitude": self.altitude,
            "setpoint": self.setpoint,
            "commands": self.commands,
        }

    def report(self, criteria: list[dict[str, Any]], complete: bool) -> dict[str, Any]:
        """As `report.json`: equal for equal seeds, but for `timing`."""
        held = complete and not self.failure and all(entry["held"] for entry in criteria)
        return {
            "mission": self.mission,
            "seed": self.seed,
            "nodes": self.nodes,
            "success": held,
            "failure": self.failure,
            "criteria": criteria,
            "metrics": self.metrics,
            "safety_stops": [list(stop) for stop in self.safety_stops],
            "series": self.series(),
            "timing": self.timing,
        }


def write_report(folder: Path, report: dict[str, Any]) -> Path:
    """Write `report.json`; a reader never sees half of it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report.json"
    draft = path.with_suffix(".json.part")
    draft.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    draft.replace(path)
    return path
