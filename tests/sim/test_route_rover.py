"""The lane, what a rover tells of it, and how it is carried off."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from spikeloop_sim.lane import Lane
from spikeloop_sim.preparations import kinds, prepared
from spikeloop_sim.robots import make_robot
from spikeloop_sim.route_rover import RouteRover, RouteRoverConfig

from spikeloop.control.lane_follower.lane_follower import LaneFollowerConfig, steer
from spikeloop.loop.criteria import judge_of, new_flight
from spikeloop.loop.mission import MissionError, load_mission
from spikeloop.parameters import ParameterError

WORLD = {"places": 120, "spacing_m": 2.0}


def circle(count: int = 100, radius: float = 30.0) -> Lane:
    turns = 2.0 * math.pi * np.arange(count) / count
    return Lane(
        np.stack([radius * np.cos(turns), radius * np.sin(turns), turns + math.pi / 2], axis=1)
    )


def test_a_circle_has_its_radius_everywhere() -> None:
    lane = circle()
    assert lane.length == pytest.approx(2.0 * math.pi * 30.0, rel=1e-3)
    for turn in (0.0, 1.0, 3.0, 5.0):
        x, y = 29.0 * math.cos(turn), 29.0 * math.sin(turn)
        point = lane.at(x, y, turn + math.pi / 2 + 0.1)
        # A metre inside of a circle to the left is a metre to the left.
        assert point.offset == pytest.approx(1.0, abs=0.02)
        assert point.heading_error == pytest.approx(0.1, abs=0.02)
        assert point.curvature == pytest.approx(1.0 / 30.0, rel=0.1)
        assert point.place == pytest.approx(100.0 * turn / (2.0 * math.pi), abs=0.1)
    assert lane.at(30.0, -0.1, 0.0).place == pytest.approx(-0.05, abs=0.01)
    x, y, yaw = lane.pose(0.25 * lane.length)
    assert (x, y) == pytest.approx((0.0, 30.0), abs=0.1) and yaw == pytest.approx(math.pi, abs=0.05)


def test_steering_known_answers() -> None:
    config = LaneFollowerConfig(speed=2.0, side_acceleration=1.0, stiffness=0.5, damping=1.0)
    assert steer(0.0, 0.0, 0.0, config) == (2.0, 0.0)
    speed, turn = steer(0.0, 0.0, 1.0, config)  # in a bend of 1 m radius, 1 m/s^2 allow 1 m/s
    assert (speed, turn) == pytest.approx((1.0, 1.0))
    assert steer(0.2, 0.0, 0.0, config)[1] == pytest.approx(-2.0 * 0.25 * 0.2)
    assert steer(0.0, math.pi, 0.0, config)[0] == 0.0
    with pytest.raises(ValueError, match="finite"):
        steer(math.nan, 0.0, 0.0, config)


def test_a_rover_is_carried_off_once_and_its_odometry_does_not_notice() -> None:
    rover = RouteRover(RouteRoverConfig(carried_from=2, carried_to=50), WORLD, 500_000)
    rover.leave_out(["camera/image_raw"])
    rover.reset(3)
    assert rover.truth()["place"] == pytest.approx(0.0, abs=0.1)
    config = LaneFollowerConfig()
    for tick in range(450):
        if tick % 10 == 0:
            speed, turn = steer(*rover.read("observation").values, config)
        rover.step(np.array([speed, 0.0, 0.0, 0.0, 0.0, turn]))
    truth = rover.truth()
    assert truth["carried"] == 1.0 and 51.0 < truth["place"] < 54.0
    assert truth["gone_carried"] == pytest.approx(4.0, abs=0.4)
    assert abs(truth["aside"]) < 0.1 and truth["collisions"] == 0.0
    # It drove about 8 m by its wheels, but stands some 100 m along the lane.
    x, y, _ = rover.read("odom").position
    start = rover.world.scene.route[0]
    assert math.dist((x, y), start[:2]) == pytest.approx(truth["gone"], abs=0.3)


def test_carried_off_it_sees_no_events_of_the_way_there() -> None:
    rover = RouteRover(
        RouteRoverConfig(event_camera=True, carried_from=0, carried_to=50), WORLD, 500_000
    )
    rover.leave_out(["camera/image_raw"])
    rover.reset(3)
    for _ in range(4):
        rover.step(np.zeros(6))
        assert len(rover.read("event_camera/events").events) < 500
    assert rover.truth()["carried"] == 1.0


def test_other_worlds_and_preparations_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="drives in the world 'route', not in 'corridor'"):
        make_robot("route_rover", {}, "corridor")
    assert "place_map" in kinds()
    mission = load_mission("route_localise")
    object.__setattr__(mission, "prepare", {"kind": "place_mop"})
    with pytest.raises(MissionError, match=r"prepare: unknown kind 'place_mop'.*place_map"):
        prepared(mission, 0, None)  # type: ignore[arg-type]


def fly(places: list[float], told: list[float], new: list[float]) -> dict[str, dict]:
    """Judge a drive of 2 m a place that was carried off where `places` jumps."""
    criteria = {"kind": "place", "map_places": 30, "end_place": 40, "edge": 0, "carried": 1}
    flight = new_flight("m", 0, {}, criteria)
    judge, carried, at, before = judge_of(criteria), 0.0, 0.0, places[0]
    for n, (place, says, is_new) in enumerate(zip(places, told, new, strict=True)):
        if place - before > 1.5:
            carried, at = 1.0, 2.0 * n
        before = place
        truth = dict.fromkeys(("x", "y", "yaw", "speed", "collisions"), 0.0)
        truth |= {"place": place, "gone": 2.0 * n, "carried": carried, "gone_carried": at}
        truth |= {"told_place": says, "told_new": is_new}
        # On a straight road.
        truth |= {"x": 2.0 * place, "told_x": 2.0 * says, "told_y": 0.0}
        truth["told_variance"] = 1e6 if is_new else 4.0
        flight.add(float(n), judge.row(truth, None), [0.0])
    return {entry["name"].split(",")[0]: entry for entry in judge.entries(flight)}


def test_a_drive_is_judged_by_the_way() -> None:
    places = [*map(float, range(10)), *map(float, range(20, 41))]
    told = [p if n < 10 or n >= 13 else 3.0 for n, p in enumerate(places)]
    new = [float(p >= 30.0) for p in places]
    found = fly(places, told, new)
    # 20 steps on the map but the first, which has no way; 3 of them wrong.
    assert found["within 2 places"]["value"] == pytest.approx(100.0 * 16 / 19)
    assert found["found again after"]["value"] == pytest.approx(6.0)
    assert found["called new"]["value"] == 100.0
    assert found["place at the end"]["held"] and not found["within 2 places"]["held"]
    assert found["pose within 5 m"]["value"] == pytest.approx(100.0 * 16 / 19)
    assert found["carried off"]["held"]
    # Who calls known places new isn't right, and who never finds itself has no way.
    assert fly(places, told, [1.0] * len(places))["within 2 places"]["value"] == 0.0
    assert fly(places, told, [1.0] * len(places))["pose within 5 m"]["value"] == 0.0
    lost = fly(places, [p if n < 10 else -1.0 for n, p in enumerate(places)], [0.0] * len(places))
    assert lost["found again after"]["value"] is None and lost["called new"]["value"] == 0.0


def test_within_so_many_places_means_of_the_nearest_one() -> None:
    places = [0.5 * n for n in range(50)]
    found = fly(places, [np.round(p) + 2.0 for p in places], [0.0] * len(places))
    assert found["within 2 places"]["value"] == 100.0
    # Two places are 4 m, and half a place more by rounding.
    assert found["pose within 5 m"]["value"] == 100.0
    found = fly(places, [np.round(p) + 4.0 for p in places], [0.0] * len(places))
    assert found["within 2 places"]["value"] == found["pose within 5 m"]["value"] == 0.0
    # It was never carried off, and had to be.
    assert not found["carried off"]["held"]


def test_found_again_needs_way_on_which_it_is_right() -> None:
    places = [*map(float, range(10)), 27.0, 28.0, 29.0, *map(float, range(30, 41))]
    told = [p if n < 10 or n == 12 else 3.0 for n, p in enumerate(places)]
    found = fly(places, told, [0.0] * len(places))
    assert found["found again after"]["value"] is None


def test_a_map_mustnt_know_the_missions_own_cars() -> None:
    mission = load_mission("route_localise")
    object.__setattr__(mission, "world_parameters", {**mission.world_parameters, "cars": 2})
    with pytest.raises(ParameterError, match="prepare: drives: 3 drives meet the cars 1 to 3"):
        prepared(mission, 0, Path())
