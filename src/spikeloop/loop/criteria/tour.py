"""Success criteria of tours in the air: all places are reached in time, and nothing is touched."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeloop.loop.criteria.judge import Entry, Judge, commands, entry, needed
from spikeloop.loop.flight import Flight
from spikeloop.loop.guiding import Pose4
from spikeloop.loop.page_parts import chart
from spikeloop.loop.top_view import top_view, ways_compared, ways_of_seeds
from spikeloop.parameters import parameter

NEEDED = ("x", "y", "altitude", "yaw", "touching")


@dataclass(frozen=True)
class TourCriteria:
    """When a tour counts as a success."""

    radius: float = parameter(
        0.8, "So near to the last place it counts as reached, in all axes.", unit="m", low=0.01
    )
    within: float = parameter(240.0, "Time for the whole tour.", unit="s", low=0.1)
    touches: int = parameter(0, "At how many instants something may be touched.", low=0)
    safety_stops: int = parameter(0, "How many safety stops are allowed.", low=0)


class Criteria(Judge):
    """Where the blimp is, and where it should be next; a place that is reached gives the next."""

    config_type = TourCriteria
    columns = (*NEEDED, "goal_x", "goal_y", "setpoint", "goal_distance", "touches")

    def __init__(self, criteria: Mapping[str, Any]) -> None:
        """See `Judge`."""
        super().__init__(criteria)
        self._touches = 0

    def row(self, truth: Mapping[str, float], setpoint: Pose4 | None) -> dict[str, float]:
        """Place, next place and distance; see `Judge.row`."""
        needed(truth, NEEDED, "tour")
        if setpoint is None:
            raise ValueError("criteria of kind 'tour' need a mission with a 'route'")
        row = {name: truth[name] for name in NEEDED}
        row["goal_x"], row["goal_y"], row["setpoint"] = setpoint[:3]
        here = (truth["x"], truth["y"], truth["altitude"])
        row["goal_distance"] = math.dist(here, setpoint[:3])
        self._touches += truth["touching"] > 0.0
        row["touches"] = float(self._touches)
        return row

    def is_over(self, time_s: float, row: Mapping[str, float]) -> bool:
        """At the last place, for at each other one the next is asked for; or after a touch."""
        bounds: TourCriteria = self.bounds
        return row["goal_distance"] <= bounds.radius or row["touches"] > bounds.touches

    def entries(self, flight: Flight) -> list[Entry]:
        """Arrival, time, touches, safety stops."""
        bounds: TourCriteria = self.bounds
        columns = flight.columns
        distance = columns["goal_distance"]
        last = distance[-1] if distance else math.inf
        after = flight.time[-1] if last <= bounds.radius else math.inf
        touches = columns["touches"][-1] if distance else 0.0
        return [
            entry("distance to the last place at the end", last, bounds.radius, "m"),
            entry("tour ended after", after, bounds.within, "s"),
            entry("instants at which something was touched", touches, bounds.touches, ""),
            entry("safety stops", len(flight.safety_stops), bounds.safety_stops, ""),
        ]

    @classmethod
    def pooled(cls, series: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Time, way, altitude error later than 12 s after a change of place; means."""
        whole = [one for one in series if len(one["time"]) > 1]
        if not whole:
            return {}
        ways, changes = [], []
        for one in whole:
            steps = [np.diff(one[name]) for name in ("x", "y", "altitude")]
            ways.append(float(np.sqrt(np.sum(np.square(steps), axis=0)).sum()))
            changes.append(np.abs(np.diff(one["commands"], axis=0)).mean())
        return {
            "time_s": float(np.mean([one["time"][-1] for one in whole])),
            "places": float(np.mean([_places(one) for one in whole])),
            "way_m": float(np.mean(ways)),
            "activity": float(np.mean(changes)),
        }

    @classmethod
    def figures(cls, report: Mapping[str, Any], recording: Path | None) -> list[str]:
        """The way from above, altitude, distance and commands over time."""
        series = report["series"]
        if len(series["time"]) < 2:
            return ["<p>The mission ended before it began.</p>"]
        time = series["time"]
        heights = {"altitude": series["altitude"], "next place": series["setpoint"]}
        return [
            top_view("The way from above", report.get("place", {}), [("", series)], []),
            chart("Altitude, m", time, heights),
            chart("Distance to the next place, m", time, {"distance": series["goal_distance"]}),
            *commands(series, "Commands of the thrusters vertical, left, right, -1 to 1"),
        ]

    @classmethod
    def comparison(cls, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
        """All ways from above."""
        return ways_compared(rows)

    @classmethod
    def overview(cls, reports: Sequence[Mapping[str, Any]]) -> list[str]:
        """The way of each seed in its own hall, small."""
        return ways_of_seeds(reports)


def _places(series: Mapping[str, Any]) -> int:
    """How many places were asked for one after the other."""
    asked = np.column_stack([series["goal_x"], series["goal_y"], series["setpoint"]])
    return 1 + int(np.any(np.diff(asked, axis=0) != 0.0, axis=1).sum())
