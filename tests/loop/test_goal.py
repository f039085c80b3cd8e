"""Missions to a goal: judged by hand, and drawn."""

from __future__ import annotations

import math
from typing import Any

import pytest

from spikeloop.loop.criteria import judge_of, new_flight
from spikeloop.loop.flight import Flight
from spikeloop.loop.moments import moments

CRITERIA = {"kind": "goal", "radius": 0.5, "within": 12.0}


def _flown(*xs: float, collisions: float = 0.0) -> tuple[Flight, list[bool]]:
    judge, flight = judge_of(CRITERIA), new_flight("m", 0, {}, CRITERIA)
    over = []
    for k, x in enumerate(xs):
        truth = {
            "x": x, "y": 0.0, "yaw": 0.0, "speed": 1.0, "turn_rate": 1.0 if k == 6 else 0.0,
            "clearance": 0.1 if k == 4 else 1.0, "collisions": collisions,
        }  # fmt: skip
        row = judge.row(truth, (10.0, 0.0, 0.0, 0.0))
        flight.add(float(k), row, [0.0] * 6)
        over.append(judge.is_over(float(k), row))
    return flight, over


def _entries(flight: Flight) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in judge_of(CRITERIA).entries(flight)}


def test_arrival_ends_the_mission_and_is_timed() -> None:
    flight, over = _flown(*range(0, 10), 9.6)
    assert over == [False] * 10 + [True]
    entries = _entries(flight)
    assert all(entry["held"] for entry in entries.values())
    assert entries["goal reached after"]["value"] == 10.0
    metrics = judge_of(CRITERIA).pooled([flight.series()])
    assert metrics["way_m"] == pytest.approx(9.6)
    assert metrics["way_over_straight"] == pytest.approx(1.0)
    assert metrics["least_clearance_m"] == 0.1


def test_too_late_or_never_is_told() -> None:
    late, _ = _flown(*[0.0] * 13, 9.8)
    assert not _entries(late)["goal reached after"]["held"]
    never, over = _flown(0.0, 1.0, 2.0)
    assert not any(over) and _entries(never)["goal reached after"]["value"] is None
    assert _entries(never)["distance to the goal at the end"]["value"] == 8.0


def test_a_collision_ends_and_breaks_it() -> None:
    flight, over = _flown(0.0, collisions=1.0)
    assert over == [True] and not _entries(flight)["collisions"]["held"]


def test_key_moments_are_the_tightest_place_and_the_sharpest_turn() -> None:
    flight, _ = _flown(*[float(k) for k in range(9)])
    found = [(m.label, m.time_s) for m in moments(flight.series())]
    assert found == [
        ("start", 1.0), ("nearest approach", 4.0), ("sharpest turn", 6.0), ("end", 8.0)
    ]  # fmt: skip


def test_the_page_shows_the_way_the_goal_and_what_stands_there() -> None:
    flight, _ = _flown(*[float(k) for k in range(9)])
    flight.place = {"outlines": [[[3.0, 1.0], [4.0, 1.0], [4.0, 2.0]]], "goal": [10.0, 0.0, 0.0]}
    report = judge_of(CRITERIA), flight.report([], True)
    (view, *charts) = type(report[0]).figures(report[1], None)
    assert view.count("<polygon") == 1 and view.count("<polyline") == 1
    assert "nearest approach, 4.0 s" in view and len(charts) == 4
    assert math.isfinite(float(view.split("height:")[1].split("px")[0]))
