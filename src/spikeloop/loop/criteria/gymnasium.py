"""Success criteria of missions whose robot is a Gymnasium environment (`gymnasium:ID`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeloop.loop.criteria.judge import Entry, Judge, entry, least, needed
from spikeloop.loop.flight import Flight
from spikeloop.loop.guiding import Pose4
from spikeloop.parameters import parameter

FACTS = ("return", "steps", "terminated", "truncated")


@dataclass(frozen=True)
class GymnasiumCriteria:
    """When an episode counts as a success; what isn't asked for isn't judged."""

    steps: int = parameter(0, "Fewest steps before it ends; 0 for any.", low=0)
    least_return: float = parameter(-1e9, "Least return; -1e9 for any.", low=-1e9)
    goal: bool = parameter(False, "The environment must end the episode itself: its goal.")
    hold: str = parameter("", "Value of the robot's truth that must be near 0 at the end.")
    hold_within: float = parameter(0.2, "How near, in its unit.", low=0.0)
    hold_for: float = parameter(2.5, "For the last so many seconds.", unit="s", low=0.0)
    safety_stops: int = parameter(0, "How many safety stops are allowed.", low=0)


class Criteria(Judge):
    """Return, length and end of an episode; its record has all that the robot tells."""

    config_type = GymnasiumCriteria

    def row(self, truth: Mapping[str, float], setpoint: Pose4 | None) -> dict[str, float]:
        """All of the truth; see `Judge.row`."""
        hold = (self.bounds.hold,) if self.bounds.hold else ()
        needed(truth, (*FACTS, *hold), "gymnasium")
        return dict(truth)

    def is_over(self, time_s: float, row: Mapping[str, float]) -> bool:
        """With the episode."""
        return bool(row["terminated"] or row["truncated"])

    def entries(self, flight: Flight) -> list[Entry]:
        """One entry for each thing that is asked for."""
        bounds: GymnasiumCriteria = self.bounds
        columns = flight.columns
        last = {name: columns[name][-1] if columns.get(name) else np.nan for name in FACTS}
        entries = []
        if bounds.steps:
            entries.append(least("steps", last["steps"], bounds.steps, ""))
        if bounds.least_return > -1e9:
            entries.append(least("return", last["return"], bounds.least_return, ""))
        if bounds.goal:
            entries.append(least("goal reached", last["terminated"], 1, ""))
        if bounds.hold:
            time, values = np.array(flight.time), np.array(columns.get(bounds.hold, []))
            late = np.abs(values[time >= time[-1] - bounds.hold_for]) if len(time) else []
            largest = float(np.max(late)) if len(late) else np.inf
            name = f"largest {bounds.hold} in the last {bounds.hold_for:g} s"
            entries.append(entry(name, largest, bounds.hold_within, ""))
        stops = len(flight.safety_stops)
        return [*entries, entry("safety stops", stops, bounds.safety_stops, "")]

    @classmethod
    def pooled(cls, series: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Means over the flights of return and steps."""
        ended = [one for one in series if one.get("return")]
        if not ended:
            return {}
        return {
            "return": float(np.mean([one["return"][-1] for one in ended])),
            "steps": float(np.mean([one["steps"][-1] for one in ended])),
        }
