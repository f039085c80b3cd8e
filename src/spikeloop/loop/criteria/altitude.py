"""Success criteria of altitude missions: steps are reached, held and not overshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeloop.loop.criteria.judge import Entry, Judge, commands, entry, needed
from spikeloop.loop.flight import Flight
from spikeloop.loop.guiding import Pose4
from spikeloop.loop.page_parts import chart
from spikeloop.metrics.step_response import Flight as Recorded
from spikeloop.metrics.step_response import entry_time, find_steps, overshoot, tracking_metrics
from spikeloop.parameters import parameter


@dataclass(frozen=True)
class AltitudeCriteria:
    """When an altitude mission counts as a success."""

    band: float = parameter(0.2, "Largest error that counts as arrived.", unit="m", low=0.001)
    within: float = parameter(15.0, "Time to arrive after each step.", unit="s", low=0.1)
    hold: float = parameter(3.0, "How long it must stay arrived.", unit="s", low=0.0)
    overshoot_pct: float = parameter(20.0, "Largest overshoot, % of the step.", low=0.0)
    safety_stops: int = parameter(0, "How many safety stops are allowed.", low=0)


class Criteria(Judge):
    """Altitude against its set-point, in m."""

    config_type = AltitudeCriteria
    columns = ("altitude", "setpoint")

    def row(self, truth: Mapping[str, float], setpoint: Pose4 | None) -> dict[str, float]:
        """Altitude and its set-point; see `Judge.row`."""
        needed(truth, ("altitude",), "altitude")
        if setpoint is None:
            raise ValueError("criteria of kind 'altitude' need a mission with 'setpoints'")
        return {"altitude": truth["altitude"], "setpoint": setpoint[2]}

    def entries(self, flight: Flight) -> list[Entry]:
        """One entry a criterion and step."""
        bounds: AltitudeCriteria = self.bounds
        time, altitude = np.array(flight.time), np.array(flight.columns["altitude"])
        setpoint = np.array(flight.columns["setpoint"])
        entries = []
        for step in find_steps(setpoint, altitude) if len(time) else ():
            part = slice(step.first, step.end)
            since, error = time[part] - time[step.first], setpoint[part] - altitude[part]
            label = f"step to {step.target:g} m at {time[step.first]:g} s"
            arrival = entry_time(since, error, bounds.band, bounds.hold)
            after = float("inf") if arrival is None else arrival
            entries.append(entry(f"{label}: arrived and held after", after, bounds.within, "s"))
            if step.first:
                size = float(error[0])
                percent = overshoot(error, size) if size else 0.0
                entries.append(entry(f"{label}: overshoot", percent, bounds.overshoot_pct, "%"))
        entries.append(entry("safety stops", len(flight.safety_stops), bounds.safety_stops, ""))
        return entries

    @classmethod
    def pooled(cls, series: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """The figures of `spikeloop.metrics.step_response`; the first actuator moves it up."""
        flights = []
        for one in series:
            commanded = [command[0] for command in one["commands"]]
            columns = (one["time"], one["setpoint"], one["altitude"], commanded)
            flights.append(Recorded(*[np.array(column) for column in columns]))
        try:
            return asdict(tracking_metrics(flights))
        except ValueError:
            return {}

    @classmethod
    def figures(cls, report: Mapping[str, Any], recording: Path | None) -> list[str]:
        """Altitude and commands over time."""
        series = report["series"]
        lines = {"altitude": series["altitude"], "set-point": series["setpoint"]}
        return [
            chart("Altitude, m", series["time"], lines),
            *commands(series, "Commands of the thrusters, -1 to 1"),
        ]

    @classmethod
    def comparison(cls, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
        """Altitudes over time."""
        return [_altitudes("Compared on the same seed: altitude, m", rows)]

    @classmethod
    def overview(cls, reports: Sequence[Mapping[str, Any]]) -> list[str]:
        """Altitudes over time."""
        rows = [(f"seed {report['seed']}", report["series"]) for report in reports]
        return [_altitudes("Altitude, m", rows)]


def _altitudes(title: str, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Each as long as the shortest."""
    time = min((series["time"] for _, series in rows), key=len)
    return chart(title, time, {label: series["altitude"][: len(time)] for label, series in rows})
