"""Success criteria of missions to a goal: it is reached in time, and nothing is touched."""

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
from spikeloop.loop.moments import moments
from spikeloop.loop.page_parts import chart
from spikeloop.loop.top_view import top_view, ways_compared, ways_of_seeds
from spikeloop.parameters import parameter

NEEDED = ("x", "y", "yaw", "speed", "turn_rate", "clearance", "collisions")


@dataclass(frozen=True)
class GoalCriteria:
    """When a mission to a goal counts as a success."""

    radius: float = parameter(0.8, "So near to the goal it counts as reached.", unit="m", low=0.01)
    within: float = parameter(90.0, "Time to reach it.", unit="s", low=0.1)
    collisions: int = parameter(0, "How often something may be touched.", low=0)
    safety_stops: int = parameter(0, "How many safety stops are allowed.", low=0)


class Criteria(Judge):
    """Where the robot is, and how far from the goal and from what stands in its way."""

    config_type = GoalCriteria
    columns = (*NEEDED, "odometry_error", "goal_x", "goal_y", "goal_distance")

    def row(self, truth: Mapping[str, float], setpoint: Pose4 | None) -> dict[str, float]:
        """Pose, velocities, clearance and distance; see `Judge.row`."""
        needed(truth, NEEDED, "goal")
        if setpoint is None:
            raise ValueError("criteria of kind 'goal' need a mission with a 'goal' or 'route'")
        row = {name: truth[name] for name in NEEDED}
        row["odometry_error"] = truth.get("odometry_error", 0.0)
        row["goal_x"], row["goal_y"] = setpoint[:2]
        row["goal_distance"] = math.dist((truth["x"], truth["y"]), setpoint[:2])
        return row

    def is_over(self, time_s: float, row: Mapping[str, float]) -> bool:
        """At the goal, or after one collision too many."""
        bounds: GoalCriteria = self.bounds
        return row["goal_distance"] <= bounds.radius or row["collisions"] > bounds.collisions

    def entries(self, flight: Flight) -> list[Entry]:
        """Arrival, time, collisions, safety stops."""
        bounds: GoalCriteria = self.bounds
        distance = flight.columns["goal_distance"]
        last = distance[-1] if distance else math.inf
        after = flight.time[-1] if last <= bounds.radius else math.inf
        collisions = flight.columns["collisions"][-1] if distance else 0.0
        return [
            entry("distance to the goal at the end", last, bounds.radius, "m"),
            entry("goal reached after", after, bounds.within, "s"),
            entry("collisions", collisions, bounds.collisions, ""),
            entry("safety stops", len(flight.safety_stops), bounds.safety_stops, ""),
        ]

    @classmethod
    def pooled(cls, series: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Way, time, speed, clearance; means over the flights, clearance the least."""
        whole = [one for one in series if len(one["time"]) > 1]
        if not whole:
            return {}
        ways = [_way(one) for one in whole]
        lines = [math.dist(*[(o["x"][k], o["y"][k]) for k in (0, -1)]) for o in whole]
        detours = [way / max(line, 1e-6) for way, line in zip(ways, lines, strict=True)]
        times = [one["time"][-1] for one in whole]
        return {
            "time_s": float(np.mean(times)),
            "way_m": float(np.mean(ways)),
            "way_over_straight": float(np.mean(detours)),
            "mean_speed_m_s": float(np.sum(ways) / max(np.sum(times), 1e-9)),
            "least_clearance_m": float(min(min(one["clearance"]) for one in whole)),
            "odometry_error_m": float(np.mean([one["odometry_error"][-1] for one in whole])),
        }

    @classmethod
    def figures(cls, report: Mapping[str, Any], recording: Path | None) -> list[str]:
        """The way from above, what the sensors saw at key moments, and curves."""
        series = report["series"]
        if len(series["time"]) < 2:
            return ["<p>The mission ended before it began.</p>"]
        keys = moments(series)
        pictures = []
        if recording is not None:
            from spikeloop.loop.sightings import sightings

            pictures = sightings(recording, keys)
        time = series["time"]
        return [
            top_view("The way from above", report.get("place", {}), [("", series)], keys),
            *pictures,
            chart("Distance to the goal, m", time, {"distance": series["goal_distance"]}),
            chart("Clearance, m", time, {"to the nearest obstacle": series["clearance"]}),
            chart(
                "Speed, m/s, and turn rate, rad/s",
                time,
                {"speed": series["speed"], "turn rate": series["turn_rate"]},
            ),
            *commands(series, "Commands: linear x, y, z (m/s), angular x, y, z (rad/s)"),
        ]

    @classmethod
    def comparison(cls, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
        """All ways from above."""
        return ways_compared(rows)

    @classmethod
    def overview(cls, reports: Sequence[Mapping[str, Any]]) -> list[str]:
        """The way of each seed in its own world, small."""
        return ways_of_seeds(reports)


def _way(series: Mapping[str, Any]) -> float:
    steps = np.hypot(np.diff(series["x"]), np.diff(series["y"]))
    return float(steps.sum())
