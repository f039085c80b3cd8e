"""Success criteria of altitude missions, judged on the record of a flight."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.loop.flight import Flight
from spikeloop.parameters import build_config, parameter

Series = NDArray[np.float64]


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
    for begin, end in _segments(setpoint):
        target = float(setpoint[begin])
        step = target - float(altitude[begin])
        label = f"step to {target:g} m at {time[begin]:g} s"
        arrival = _arrival(
            time[begin:end] - time[begin], np.abs(altitude[begin:end] - target), bounds
        )
        entries.append(_entry(f"{label}: arrived and held after", arrival, bounds.within, "s"))
        if begin:
            over = np.max((altitude[begin:end] - target) * np.sign(step), initial=0.0)
            percent = 100.0 * float(over) / abs(step) if step else 0.0
            entries.append(_entry(f"{label}: overshoot", percent, bounds.overshoot_pct, "%"))
    stops = len(flight.safety_stops)
    entries.append(_entry("safety stops", stops, bounds.safety_stops, ""))
    return entries


def _segments(setpoint: Series) -> list[tuple[int, int]]:
    edges = [0, *(np.flatnonzero(np.diff(setpoint)) + 1).tolist(), len(setpoint)]
    return [(a, b) for a, b in itertools.pairwise(edges) if b > a]


def _arrival(since: Series, error: Series, bounds: AltitudeCriteria) -> float:
    """Time of the first entry into the band that is held, s; infinite where there is none."""
    inside = error <= bounds.band
    for index in np.flatnonzero(inside):
        stretch = (since >= since[index]) & (since <= since[index] + bounds.hold)
        if since[-1] - since[index] >= bounds.hold - 1e-9 and inside[stretch].all():
            return float(since[index])
    return float("inf")


def _entry(name: str, value: float, bound: float, unit: str) -> dict[str, Any]:
    held = value <= bound
    finite = value if np.isfinite(value) else None
    return {"name": name, "value": finite, "bound": bound, "unit": unit, "held": bool(held)}
