"""Criteria by hand."""

from __future__ import annotations

from typing import Any

import pytest

from spikeloop.loop.criteria import judge_of, judge_type, kinds, new_flight
from spikeloop.loop.flight import Flight
from spikeloop.parameters import ParameterError


def _flight(*altitudes: float) -> Flight:
    flight = new_flight("m", 0, {}, CRITERIA)
    for i, altitude in enumerate(altitudes):
        row = {"altitude": altitude, "setpoint": 1.0 if i < 5 else 3.0}
        flight.add(float(i), row, [0.0])
    return flight


def _judged(flight: Flight) -> list[dict[str, Any]]:
    return judge_of(CRITERIA).entries(flight)


CRITERIA = {"band": 0.2, "within": 4.0, "hold": 2.0, "overshoot_pct": 20.0}
GOOD = (1.0,) * 5 + (1.0, 2.0, 2.9, 3.1, 3.0, 3.0)


def test_a_good_flight_holds_all() -> None:
    entries = _judged(_flight(*GOOD))
    assert all(entry["held"] for entry in entries)
    by_name = {entry["name"]: entry["value"] for entry in entries}
    assert by_name["step to 3 m at 5 s: arrived and held after"] == 2.0
    assert by_name["step to 3 m at 5 s: overshoot"] == pytest.approx(5.0)


def test_overshoot_and_not_arriving_are_told() -> None:
    entries = _judged(_flight(*GOOD[:-2], 3.6, 3.6))
    by_name = {entry["name"]: entry for entry in entries}
    assert by_name["step to 3 m at 5 s: arrived and held after"]["value"] is None
    assert not by_name["step to 3 m at 5 s: arrived and held after"]["held"]
    assert by_name["step to 3 m at 5 s: overshoot"]["value"] == pytest.approx(30.0)
    assert not by_name["step to 3 m at 5 s: overshoot"]["held"]


def test_a_safety_stop_breaks_the_flight() -> None:
    flight = _flight(*GOOD)
    flight.safety_stops = [(3.0, "gate silent")]
    assert not _judged(flight)[-1]["held"]


def test_an_empty_flight_has_no_step() -> None:
    assert [e["name"] for e in _judged(new_flight("m", 0, {}, CRITERIA))] == ["safety stops"]


def test_unknown_criterion_names_the_nearest() -> None:
    with pytest.raises(ParameterError, match="did you mean 'overshoot_pct'"):
        judge_of({"overshot_pct": 1.0})


def test_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'altitude'"):
        judge_of({"kind": "altitud"})


def test_judging_a_way_outside_of_the_map_that_is_never_taken_is_refused() -> None:
    bounds = {"kind": "place", "map_places": 30, "end_place": 34}
    with pytest.raises(
        ParameterError, match=r"end_place' 34 .* map of 30 places .* 'new_pct' to 0"
    ):
        judge_of(bounds)
    judge_of({**bounds, "end_place": 35})
    judge_of({**bounds, "new_pct": 0.0})


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_every_kind_judges_an_empty_record(kind: str) -> None:
    judge = judge_type(kind)({})
    flight = new_flight("m", 0, {}, {"kind": kind})
    assert all(isinstance(entry["held"], bool) for entry in judge.entries(flight))
    assert judge.pooled([flight.series()]) == {}


def test_a_robot_that_doesnt_tell_what_is_needed_is_refused() -> None:
    with pytest.raises(ValueError, match="need 'altitude', which this robot's truth doesn't"):
        judge_of(CRITERIA).row({"x": 1.0}, (0.0, 0.0, 1.0, 0.0))
