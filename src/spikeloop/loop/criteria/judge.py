"""What a kind of success criteria offers: to the bridge that judges, and to the report's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from spikeloop.loop.flight import Flight
from spikeloop.loop.guiding import Pose4
from spikeloop.loop.page_parts import chart
from spikeloop.parameters import build_config

Entry = dict[str, Any]
"""A judged criterion: name, value (None for never), bound, unit, held."""


class Judge:
    """Success criteria of one kind; each kind is a file of this folder with a class of these.

    Class facts, set by each kind:
        config_type: frozen dataclass of the bounds.
        columns: names of what `row` gives; empty where that depends on the robot.
        hears: topics of perception whose newest message `row` gets among the truth.
    """

    config_type: ClassVar[type[Any]]
    columns: ClassVar[tuple[str, ...]] = ()
    hears: ClassVar[tuple[str, ...]] = ()

    def __init__(self, criteria: Mapping[str, Any]) -> None:
        """Take the bounds as a mission has them, without `kind`.

        Raises:
            ParameterError: unknown or bad criterion.

        """
        self.bounds: Any = build_config(self.config_type, criteria, "criteria: ")

    def row(self, truth: Mapping[str, float], setpoint: Pose4 | None) -> dict[str, float]:
        """What is recorded of an instant, by name: here all that the robot tells.

        Args:
            truth: as `spikeloop_sim.robot.Robot.truth` gives it.
            setpoint: what the controller is asked for; None where the mission has none.

        Raises:
            ValueError: the robot doesn't tell what this kind must know.

        """
        return dict(truth)

    def is_over(self, time_s: float, row: Mapping[str, float]) -> bool:
        """Whether the mission is at its end before its time, by an instant's record."""
        return False

    def entries(self, flight: Flight) -> list[Entry]:
        """Judge each criterion; the record may be short where the mission ended early."""
        raise NotImplementedError

    @classmethod
    def pooled(cls, series: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Figures of one flight or several together, by name with unit; empty where too short."""
        return {}

    @classmethod
    def figures(cls, report: Mapping[str, Any], recording: Path | None) -> list[str]:
        """What the page shows above its criteria, as HTML: here each column over time.

        Args:
            report: as `report.json` has it.
            recording: the flight's `recording.mcap`; None where there is none.

        """
        series = report["series"]
        names = [name for name in series if name not in ("time", "commands")]
        parts = [chart(name, series["time"], {name: series[name]}) for name in names]
        return [*parts, *commands(series, "Commands")]

    @classmethod
    def comparison(cls, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
        """Charts of several flights of one seed, (label, series) each, as HTML."""
        return []

    @classmethod
    def overview(cls, reports: Sequence[Mapping[str, Any]]) -> list[str]:
        """Charts of several seeds, as HTML."""
        return []


def entry(name: str, value: float, bound: float, unit: str) -> Entry:
    """A criterion that holds where the value is at most its bound."""
    finite = value if np.isfinite(value) else None
    held = bool(value <= bound)
    return {"name": name, "value": finite, "bound": bound, "unit": unit, "held": held}


def least(name: str, value: float, bound: float, unit: str) -> Entry:
    """A criterion that holds where the value is at least its bound."""
    finite = value if np.isfinite(value) else None
    held = bool(value >= bound)
    return {
        "name": name, "value": finite, "bound": bound, "unit": unit, "held": held, "least": True
    }  # fmt: skip


def needed(truth: Mapping[str, float], names: Sequence[str], kind: str) -> None:
    """Refuse a robot that doesn't tell what criteria must know.

    Raises:
        ValueError: naming what is missing and what there is.

    """
    for name in names:
        if name not in truth:
            raise ValueError(
                f"criteria of kind '{kind}' need '{name}', which this robot's truth doesn't "
                f"tell; it tells: {', '.join(truth)}"
            )


def commands(series: Mapping[str, Any], title: str) -> list[str]:
    """A chart of what the actuators got."""
    columns = list(zip(*series["commands"], strict=True))
    lines = {f"actuator {i}": values for i, values in enumerate(columns)}
    return [chart(title, series["time"], lines)]
