"""Success criteria of missions that localise: the place that is told against the true one.

The robot's truth must tell `place` on the route, `gone` (m driven), `carried` (how often it was
carried off) and `gone_carried`; the map holds the route's first places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spikeloop.loop.criteria.judge import Entry, Judge, commands, entry, least, needed
from spikeloop.loop.flight import Flight
from spikeloop.loop.guiding import Pose4
from spikeloop.loop.moments import Moment
from spikeloop.loop.page_parts import chart
from spikeloop.loop.top_view import top_view
from spikeloop.parameters import parameter

NEEDED = ("x", "y", "yaw", "speed", "collisions", "place", "gone", "carried", "gone_carried")
KNOWN_M2 = 1e4
"""A pose of a variance above that says that nothing is known."""
TOLD = {
    "told_place": -1.0, "told_new": 0.0, "told_score": 0.0, "told_threshold": 0.0,
    "told_x": 0.0, "told_y": 0.0, "told_variance": 1e6,
}  # fmt: skip
"""What perception says, and what counts until it has said anything."""
AGAIN_M = 5.0
"""So far the place must stay right for the robot to count as found again."""


@dataclass(frozen=True)
class PlaceCriteria:
    """When a mission that localises counts as a success."""

    map_places: int = parameter(150, "Places of the route that the map has.", low=2)
    end_place: int = parameter(180, "Place at which the mission ends.", low=1)
    places: float = parameter(
        2.0, "So many places off the estimate still is right; the true one is rounded.", low=0.0
    )
    pose_within: float = parameter(
        5.0, "So far off the pose that is told still is right.", unit="m", low=0.0
    )
    share_pct: float = parameter(
        90.0, "Least part of the way on the map with a right estimate, %.", low=0.0, high=100.0
    )
    carried: int = parameter(0, "How often the robot must have been carried off.", low=0)
    found_within: float = parameter(
        20.0, "Way after it was carried off until the estimate is right again.", unit="m", low=0.0
    )
    new_pct: float = parameter(
        80.0,
        "Least part of the way outside of the map that is called new, %; 0 if none is.",
        low=0.0,
        high=100.0,
    )
    edge: float = parameter(
        5.0, "Places behind the map's last one that still look like it, so aren't judged.", low=0.0
    )
    collisions: int = parameter(0, "How often something may be touched.", low=0)
    safety_stops: int = parameter(0, "How many safety stops are allowed.", low=0)

    def __post_init__(self) -> None:
        """Refuse to judge a way outside of the map that the mission never takes.

        Raises:
            ValueError: there is none, and a part of it is to be called new.

        """
        if self.new_pct > 0.0 and self.end_place <= self.known_until:
            raise ValueError(
                f"with 'end_place' {self.end_place} nothing of the way is outside of a map of "
                f"{self.map_places} places and an edge of {self.edge:g}; set 'new_pct' to 0, or "
                "end farther on"
            )

    @property
    def known_until(self) -> float:
        """Last place that looks like the map."""
        return self.map_places - 1 + self.edge


class Criteria(Judge):
    """Where the robot is on the route, and where it says that it is."""

    config_type = PlaceCriteria
    columns = (*NEEDED, *TOLD)
    hears: ClassVar[tuple[str, ...]] = ("perception/place", "perception/place_pose")

    def row(self, truth: Mapping[str, float], setpoint: Pose4 | None) -> dict[str, float]:
        """The truth, and what was told of the place last; see `Judge.row`."""
        needed(truth, NEEDED, "place")
        told = {name: truth.get(name, before) for name, before in TOLD.items()}
        return {name: truth[name] for name in NEEDED} | told

    def is_over(self, time_s: float, row: Mapping[str, float]) -> bool:
        """At the last place, or after one collision too many."""
        bounds: PlaceCriteria = self.bounds
        return row["place"] >= bounds.end_place or row["collisions"] > bounds.collisions

    def entries(self, flight: Flight) -> list[Entry]:
        """Place and pose on the map, found again, new outside, arrival, and what mustn't happen."""
        bounds: PlaceCriteria = self.bounds
        way = _Way(flight.columns, bounds)
        last = flight.columns["place"][-1] if flight.time else -np.inf
        collisions = flight.columns["collisions"][-1] if flight.time else 0.0
        judged = [
            least(
                f"within {bounds.places:g} places, of the way on the map",
                way.share(way.right, way.on_map), bounds.share_pct, "%",
            ),
            least(
                "called new, of the way outside of it", way.share(way.new, way.outside),
                bounds.new_pct, "%",
            ),
            least(
                f"pose within {bounds.pose_within:g} m, of the way on the map",
                way.share(way.posed, way.on_map), bounds.share_pct, "%",
            ),
            least("carried off", way.carried[-1] if flight.time else 0.0, bounds.carried, ""),
            least("place at the end", last, bounds.end_place, ""),
            entry("collisions", collisions, bounds.collisions, ""),
            entry("safety stops", len(flight.safety_stops), bounds.safety_stops, ""),
        ]  # fmt: skip
        found = entry("found again after", way.found_after(), bounds.found_within, "m")
        return [judged[0], found, *judged[1:]]

    @classmethod
    def pooled(cls, series: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Way and speed; what is right depends on the bounds and stands among the criteria."""
        whole = [one for one in series if len(one["time"]) > 1]
        if not whole:
            return {}
        ways = [one["gone"][-1] - one["gone"][0] for one in whole]
        times = [one["time"][-1] - one["time"][0] for one in whole]
        return {
            "way_m": float(np.mean(ways)),
            "time_s": float(np.mean(times)),
            "mean_speed_m_s": float(np.sum(ways) / np.sum(times)),
        }

    @classmethod
    def figures(cls, report: Mapping[str, Any], recording: Path | None) -> list[str]:
        """The way from above, pictures beside what they were taken for, and curves."""
        series = report["series"]
        if len(series["time"]) < 2:
            return ["<p>The mission ended before it began.</p>"]
        keys = moments(series)
        pictures = []
        if recording is not None:
            from spikeloop.loop.place_pairs import place_pairs

            pictures = place_pairs(recording, keys, series)
        time = series["time"]
        known = [
            told if told >= 0.0 and not new else float("nan")
            for told, new in zip(series["told_place"], series["told_new"], strict=True)
        ]
        scores = {"score": series["told_score"], "threshold of new": series["told_threshold"]}
        return [
            top_view("The way from above", report.get("place", {}), [("", series)], keys),
            *pictures,
            chart("Place", time, {"true": series["place"], "told": _held(known)}),
            chart("Called new: 1", time, {"new": series["told_new"]}),
            chart("Score", time, scores),
            *commands(series, "Commands: linear x, y, z (m/s), angular x, y, z (rad/s)"),
        ]

    @classmethod
    def comparison(cls, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
        """The place that each told over time."""
        time = min((series["time"] for _, series in rows), key=len)
        lines = {label: series["told_place"][: len(time)] for label, series in rows}
        return [chart("Compared on the same seed: place that was told", time, lines)]


class _Way:
    """Parts of the way, by instants weighed by the way since the one before."""

    def __init__(self, columns: Mapping[str, Sequence[float]], bounds: PlaceCriteria) -> None:
        found = {name: np.array(columns.get(name, ()), np.float64) for name in (*NEEDED, *TOLD)}
        place, told = found["place"], found["told_place"]
        self.gone, self.carried = found["gone"], found["carried"]
        self.at = float(found["gone_carried"][-1]) if len(place) else 0.0
        self.new: NDArray[np.bool_] = found["told_new"] > 0.5
        near = np.abs(told - np.round(place)) <= bounds.places
        self.right: NDArray[np.bool_] = near & (told >= 0.0) & ~self.new
        off = np.hypot(found["told_x"] - found["x"], found["told_y"] - found["y"])
        known = found["told_variance"] < KNOWN_M2
        self.posed: NDArray[np.bool_] = known & (off <= bounds.pose_within)
        self.on_map: NDArray[np.bool_] = place < bounds.map_places
        self.outside: NDArray[np.bool_] = place > bounds.known_until
        self._steps = np.maximum(np.diff(self.gone, prepend=self.gone[:1]), 0.0)

    def share(self, good: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
        """Part of the way, %; 0 where there is none."""
        whole = float(self._steps[among].sum())
        return 100.0 * float(self._steps[good & among].sum()) / whole if whole > 0.0 else 0.0

    def found_after(self) -> float:
        """Way, m, from where it was put down until the estimate is right and stays so for a while.

        0 where it never was carried off, inf where it isn't found again.
        """
        if not len(self.carried) or not self.carried[-1]:
            return 0.0
        behind = np.flatnonzero((self.carried > 0) & self.on_map)
        for k in behind[self.right[behind]]:
            then = behind[(self.gone[behind] >= self.gone[k])]
            then = then[self.gone[then] <= self.gone[k] + AGAIN_M]
            stays = self.gone[behind[-1]] >= self.gone[k] + AGAIN_M
            if stays and self.right[then].all():
                return float(self.gone[k] - self.at)
        return float("inf")


def moments(series: Mapping[str, Any]) -> list[Moment]:
    """Start, where it was carried off and found, the largest error, off the map, the end."""
    time, carried = np.array(series["time"]), np.array(series["carried"])
    told, new = np.array(series["told_place"]), np.array(series["told_new"]) > 0.5
    error = np.where(new | (told < 0.0), -1.0, np.abs(told - np.array(series["place"])))
    found = {int(np.searchsorted(time, min(time[0] + 5.0, time[-1]))): "after 5 s"}
    off = np.flatnonzero(carried > 0)
    if len(off):
        found[max(int(off[0]) - 1, 0)] = "before it was carried off"
        late = np.searchsorted(time, min(time[off[0]] + 10.0, time[-1]))
        found[int(late)] = "10 s after"
    if (error > 2.0).any():
        found.setdefault(int(error.argmax()), "largest error")
    if new.any():
        found.setdefault(int(np.flatnonzero(new)[-1]), "called new, the last time")
    found.setdefault(len(time) - 1, "end")
    return [Moment(found[index], float(time[index]), index) for index in sorted(found)]


def _held(values: Sequence[float]) -> list[float]:
    """Unknown values as the last known one, for a curve."""
    out, last = [], 0.0
    for value in values:
        last = last if np.isnan(value) else value
        out.append(last)
    return out
