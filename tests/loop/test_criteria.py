"""Criteria by hand."""

from __future__ import annotations

import pytest

from spikeloop.loop.criteria import judge_altitude
from spikeloop.loop.flight import Flight
from spikeloop.parameters import ParameterError


def _flight(*altitudes: float) -> Flight:
    flight = Flight("m", 0, {})
    for i, altitude in enumerate(altitudes):
        flight.add(float(i), altitude, 1.0 if i < 5 else 3.0, [0.0])
    return flight


CRITERIA = {"band": 0.2, "within": 4.0, "hold": 2.0, "overshoot_pct": 20.0}
GOOD = (1.0,) * 5 + (1.0, 2.0, 2.9, 3.1, 3.0, 3.0)


def test_a_good_flight_holds_all() -> None:
    entries = judge_altitude(_flight(*GOOD), CRITERIA)
    assert all(entry["held"] for entry in entries)
    by_name = {entry["name"]: entry["value"] for entry in entries}
    assert by_name["step to 3 m at 5 s: arrived and held after"] == 2.0
    assert by_name["step to 3 m at 5 s: overshoot"] == pytest.approx(5.0)


def test_overshoot_and_not_arriving_are_told() -> None:
    entries = judge_altitude(_flight(*GOOD[:-2], 3.6, 3.6), CRITERIA)
    by_name = {entry["name"]: entry for entry in entries}
    assert by_name["step to 3 m at 5 s: arrived and held after"]["value"] is None
    assert not by_name["step to 3 m at 5 s: arrived and held after"]["held"]
    assert by_name["step to 3 m at 5 s: overshoot"]["value"] == pytest.approx(30.0)
    assert not by_name["step to 3 m at 5 s: overshoot"]["held"]


def test_a_safety_stop_breaks_the_flight() -> None:
    flight = _flight(*GOOD)
    flight.safety_stops = [(3.0, "gate silent")]
    assert not judge_altitude(flight, CRITERIA)[-1]["held"]


def test_an_empty_flight_has_no_step() -> None:
    assert [e["name"] for e in judge_altitude(Flight("m", 0, {}), CRITERIA)] == ["safety stops"]


def test_unknown_criterion_names_the_nearest() -> None:
    with pytest.raises(ParameterError, match="did you mean 'overshoot_pct'"):
        judge_altitude(_flight(*GOOD), {"overshot_pct": 1.0})
