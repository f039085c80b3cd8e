"""Tours in the air: errors and thrusters by hand, places in three axes, and how a tour is judged."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeloop.control.pid.tour import Tour, TourConfig, thrusters
from spikeloop.loop.criteria import judge_of, new_flight
from spikeloop.loop.guiding import Route
from spikeloop.loop.mission import load_mission, pose_of
from spikeloop.rotation import wrapped

STILL = (0.0, 0.0)


class _Gain:
    """An axis that passes its error on."""

    def reset(self) -> None:
        self.seen: list[float] = []

    def update(self, error: float) -> float:
        self.seen.append(error)
        return error


def _tour(**config: Any) -> Tour:
    return Tour(TourConfig(**config), [_Gain() for _ in range(3)])


def test_errors_by_hand() -> None:
    tour = _tour(lead=0.0)
    assert tour.errors((1.0, 1.0, 2.0, 0.0), STILL, (3.0, 3.0, 2.5, 0.0)) == pytest.approx(
        (0.5, 2.0, 0.25 * math.pi)
    )
    # Far away counts as the most; a place behind is flown to backwards while it turns.
    far = _tour(lead=0.0).errors((0.0, 0.0, 9.0, 0.0), STILL, (-50.0, 0.0, 0.0, 0.0))
    assert far == pytest.approx((-2.0, -3.0, math.pi))
    # Nearer than `near` the direction counts less.
    near = _tour(lead=0.0).errors((0.0, 0.0, 0.0, 0.0), STILL, (0.0, 0.5, 0.0, 0.0))
    assert near == pytest.approx((0.0, 0.0, 0.25 * math.pi))


def test_it_turns_against_what_it_drifts_aside() -> None:
    ahead = (10.0, 0.0, 0.0, 0.0)
    _, _, turn = _tour(lead=3.0).errors((0.0, 0.0, 0.0, 0.0), (0.0, 0.5), ahead)
    assert turn == pytest.approx(math.atan2(-1.5, 10.0))


def test_past_half_a_turn_it_goes_on_the_same_way() -> None:
    tour = _tour(lead=0.0)
    behind = (-10.0, 0.0, 0.0, 0.0)
    turns = [tour.errors((0.0, 0.0, 0.0, yaw), STILL, behind)[2] for yaw in (0.1, 0.0, -0.1)]
    assert turns == pytest.approx([math.pi - 0.1, math.pi, math.pi + 0.1])


@given(*[st.floats(-50.0, 50.0) for _ in range(3)], st.floats(0.05, 1.0))
def test_thrusters_stay_within_their_limits(up: float, on: float, turn: float, most: float) -> None:
    vertical, left, right = thrusters(up, on, turn, most)
    assert max(abs(vertical), abs(left), abs(right)) <= 1.0 + 1e-12
    assert abs(right - left) <= 2.0 * most + 1e-12


def test_turning_comes_first_up_to_its_share() -> None:
    assert thrusters(0.2, 1.0, 0.8, 0.5) == pytest.approx((0.2, 0.2, 1.0))
    assert thrusters(0.0, -1.0, 9.0, 0.5) == pytest.approx((0.0, -1.0, 0.0))
    assert wrapped(1.5 * math.pi) == pytest.approx(-0.5 * math.pi)


def test_what_isnt_finite_is_refused() -> None:
    tour = _tour()
    with pytest.raises(ValueError, match="must be finite"):
        tour.decide((math.nan, 0.0, 0.0, 0.0), STILL, (1.0, 0.0, 0.0, 0.0))
    assert all(axis.seen == [] for axis in tour.axes)  # type: ignore[attr-defined]


def test_a_place_in_the_air_is_reached_in_three_axes() -> None:
    route = Route([pose_of((0.0, 0.0, 5.0, 0.0)), pose_of((9.0, 0.0, 5.0, 0.0))], 0.8)
    assert route.at(0.0, {"x": 0.0, "y": 0.0, "altitude": 1.0})[0] == 0.0
    assert route.at(0.1, {"x": 0.0, "y": 0.5, "altitude": 4.5})[0] == 9.0
    with pytest.raises(ValueError, match="needs 'altitude'"):
        route.at(0.2, {"x": 0.0, "y": 0.0})


def _judged(*rows: tuple[float, float], touching: float = 0.0) -> tuple[dict[str, Any], bool]:
    """Altitudes and the x of the next place; the blimp is at x = 0."""
    mission = load_mission("blimp_hall")
    judge, flight = judge_of(mission.criteria), new_flight("m", 0, {}, mission.criteria)
    over = False
    for k, (altitude, goal_x) in enumerate(rows):
        truth = {"x": 0.0, "y": 0.0, "altitude": altitude, "yaw": 0.0, "touching": touching}
        row = judge.row(truth, (goal_x, 0.0, 5.0, 0.0))
        flight.add(float(k), row, [0.1 * k, 0.0, 0.0])
        over = judge.is_over(float(k), row)
    metrics = judge.pooled([flight.series()])
    return {e["name"]: e["held"] for e in judge.entries(flight)} | metrics, over


def test_the_last_place_ends_the_tour() -> None:
    found, over = _judged((3.0, 7.0), (4.0, 7.0), (4.5, 0.0))
    assert over and found["places"] == 2 and found["time_s"] == 2.0
    assert found["way_m"] == pytest.approx(1.5) and found["activity"] == pytest.approx(0.1 / 3.0)
    assert all(found[name] for name in found if " " in name)


def test_a_touch_ends_and_breaks_it() -> None:
    found, over = _judged((1.0, 7.0), touching=1.0)
    assert over and not found["instants at which something was touched"]
    assert not found["tour ended after"]
