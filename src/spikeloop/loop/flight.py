"""What happened in a mission: the record of a run, from which it is judged and reported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

USUAL = "altitude"
"""The kind of criteria where a mission or report names none."""

ENDED = "the simulator's bridge was ended before the mission's time"
NO_REPORT = "the simulator's bridge left no report"
INTERRUPTED = (ENDED, NO_REPORT)
"""Failures that stand alone, without a cause before them, where somebody ended the mission."""


@dataclass
class Flight:
    """Series at ten instants a second, and what went wrong.

    Attributes:
        mission: its name.
        seed: seed of the simulator.
        nodes: node in each slot.
        kind: of the mission's criteria; see `spikeloop.loop.criteria`.
        time: s.
        columns: what the criteria record of each instant, by name.
        commands: what the actuators got, one list an instant.
        place: what there is of the world, for the page; empty where the robot has none.
        safety_stops: (time s, reason).
        failure: why the mission ended early; empty where it didn't.
        metrics: figures of the flight by name; empty where it was too short for them.
        timing: all that depends on the wall clock.

    """

    mission: str
    seed: int
    nodes: dict[str, str]
    kind: str = USUAL
    time: list[float] = field(default_factory=list)
    columns: dict[str, list[float]] = field(default_factory=dict)
    commands: list[list[float]] = field(default_factory=list)
    place: dict[str, Any] = field(default_factory=dict)
    safety_stops: list[tuple[float, str]] = field(default_factory=list)
    failure: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    timing: dict[str, Any] = field(default_factory=dict)

    def add(self, time_s: float, row: Mapping[str, float], command: list[float]) -> None:
        """Append one instant; every instant has the same columns."""
        self.time.append(round(time_s, 6))
        for name, value in row.items():
            self.columns.setdefault(name, []).append(value)
        self.commands.append(command)

    def begin_again(self) -> None:
        """Forget what was recorded, as after a reset of the simulator."""
        self.time.clear()
        self.commands.clear()
        for column in self.columns.values():
            column.clear()

    def series(self) -> dict[str, list[Any]]:
        """What was recorded at each instant, by name."""
        return {"time": self.time, **self.columns, "commands": self.commands}

    def report(self, criteria: list[dict[str, Any]], complete: bool) -> dict[str, Any]:
        """As `report.json`: equal for equal seeds, but for `timing`."""
        held = complete and not self.failure and all(entry["held"] for entry in criteria)
        report = {
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
        if self.kind != USUAL:
            report["kind"] = self.kind
        if self.place:
            report["place"] = self.place
        return report


def write_report(folder: Path, report: dict[str, Any]) -> Path:
    """Write `report.json`; a reader never sees half of it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report.json"
    draft = path.with_suffix(".json.part")
    draft.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    draft.replace(path)
    return path
