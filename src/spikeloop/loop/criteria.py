"""Success criteria of altitude missions, judged on the record of a flight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from spikeloop.loop.flight import Flight
from spikeloop.metrics.step_response import Flight as Recorded
from spikeloop.metrics.step_response import entry_time, find_steps, overshoot, tracking_metrics
from spikeloop.parameters import build_config, parameter


@dataclass(frozen=True)
class AltitudeCriteria:
    """When an altitude mission counts as a success."""

    band: float = parameter(0.2, "Largest error that counts as arrived.", unit="m", low=0.001)
    within: float = parameter(15.0, "Time to arrive after each step.", unit="s", low=0.1)
    hold: float = parameter(3.0, "How long it must stay arrived.", unit="s", low=0.0)
    overshoot_pct: float = parameter(20.0, "Largest overshoot, % of the step.", low=0.0)
    safety_stops: int = parameter(0, "How many safety stops are allowed.", low=0)


def judge_altitude(flight: Flight, criteria: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Judge each criterion.

    Args:
        flight: the record; its series may be short where the mission ended early.
        criteria: values of `AltitudeCriteria`.

    Returns:
        One entry a criterion and step: name, value, bound, unit, held.

    Raises:
        ParameterError: unknown or bad criterion.

    """
    bounds = build_config(AltitudeCriteria, criteria, "criteria: ")
    time, altitude = np.array(flight.time), np.array(flight.altitude)
    setpoint = np.array(flight.setpoint)
    entries = []
    for step in find_steps(setpoint, altitude) if len(time) else ():
        part = slice(step.first, step.end)
        since, error = time[part] - time[step.first], setpoint[part] - altitude[part]
        label = f"step to {step.target:g} m at {time[step.first]:g} s"
        arrival = entry_time(since, error, bounds.band, bounds.hold)
        after = float("inf") if arrival is None else arrival
        entries.append(_entry(f"{label}: arrived and held after", after, bounds.within, "s"))
        if step.first:
            size = float(error[0])
            percent = overshoot(error, size) if size else 0.0
            entries.append(_entry(f"{label}: overshoot", percent, bounds.overshoot_pct, "%"))
    stops = len(flight.safety_stops)
    entries.append(_entry("safety stops", stops, bounds.safety_stops, ""))
    return entries


def pooled_metrics(series: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The figures of `spikeloop.metrics.step_response` of several flights, by name with unit.

    Args:
        series: of each flight as its report has them: time, setpoint, altitude, and commands, of
            which the first actuator's moves the robot up.

    Returns:
        Empty where they ended too early for the figures.

    """
    flights = []
    for entry in series:
        commands = [command[0] for command in entry["commands"]]
        columns = (entry["time"], entry["setpoint"], entry["altitude"], commands)
        flights.append(Recorded(*[np.array(column) for column in columns]))
    try:
        return asdict(tracking_metrics(flights))
    except ValueError:
        return {}


def _entry(name: str, value: float, bound: float, unit: str) -> dict[str, Any]:
    held = value <= bound
    finite = value if np.isfinite(value) else None
    return {"name": name, "value": finite, "bound": bound, "unit": unit, "held": bool(held)}
