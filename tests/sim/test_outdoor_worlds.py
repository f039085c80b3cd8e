"""What moves on the road keeps apart; a route keeps its houses in every condition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spikeloop_sim.worlds import road, route
from spikeloop_sim.worlds.conditions import CONDITIONS, NAMES
from spikeloop_sim.worlds.loops import Loop
from spikeloop_sim.worlds.scene import Scene
from spikeloop_sim.worlds.traffic import STEP_S, Crossing, Lane, drive

FIXED = {"building", "road", "pavement", "pole", "wall", "furniture", "sign"}


def test_a_lone_vehicle_reaches_its_speed_and_stops_at_a_closed_crossing() -> None:
    # Closed from 10 s on, for good.
    crossing = Crossing(300.0, 1000.0, 500.0, 0.0, 10.0)
    lane = Lane(1000.0, np.array([10.0]), np.array([4.0]), 1.5, (crossing,))
    way = drive(lane, np.array([0.0]), 60.0)[:, 0]
    speed = np.diff(way) / STEP_S
    assert speed[50] == pytest.approx(10.0, abs=0.01)
    assert speed[-1] == pytest.approx(0.0, abs=0.05)
    # Its front, 2 m before its middle, at the desired gap behind what counts as standing there.
    assert 300.0 - 2.0 - 2.5 < way[-1] < 300.0 - 2.0
    assert np.diff(speed).min() / STEP_S > -4.5


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), count=st.integers(1, 9))
def test_vehicles_never_overlap(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    lane = Lane(
        160.0, random.uniform(5.0, 12.0, count), np.full(count, 4.6), 1.5,
        (Crossing(77.0, 30.0, 6.0, 12.0),),
    )  # fmt: skip
    ways = drive(lane, 160.0 / count * np.arange(count)[::-1], 60.0)
    assert (np.diff(ways, axis=0) >= 0.0).all()
    if count > 1:
        gaps = (np.roll(ways, 1, axis=1) - ways) % 160.0
        assert gaps.min() > 4.6 + 0.3


@pytest.fixture(scope="module")
def street() -> Scene:
    return road.make(11, road.Config(cars=5, cyclists=2, pedestrians=6, crossers=4))


def test_nobody_is_run_over(street: Scene) -> None:
    times = np.arange(0.0, 119.0, 0.25)
    tracks = {m.name: np.array([m.at(t) for t in times]) for m in street.movers}
    people = [n for n in tracks if n.startswith("crossing pedestrian")]
    vehicles = [n for n in tracks if n.startswith(("car", "cyclist"))]
    assert len(people) == 4 and len(vehicles) == 14
    on_road = 0
    for person in people:
        # On the road they are on its level.
        walks = tracks[person][:, 2] < 0.06
        on_road += np.count_nonzero(walks)
        for vehicle in vehicles:
            half = 2.7 if vehicle.startswith("car") else 1.0
            away = np.abs(tracks[person][:, :2] - tracks[vehicle][:, :2])
            hit = walks & (away[:, 0] < half + 0.3) & (away[:, 1] < 0.95)
            assert not hit.any(), (person, vehicle, times[hit])
    assert on_road > 100


def test_everybody_keeps_to_their_lane_and_a_sensible_speed(street: Scene) -> None:
    times = np.arange(0.0, 119.0, 0.1)
    for mover in street.movers:
        track = np.array([mover.at(t) for t in times])
        speed = np.hypot(*np.diff(track[:, :2], axis=0).T) / 0.1
        steady = speed[speed < 100.0]  # without the jump from the end of the lane to its beginning
        assert len(steady) >= len(speed) - 14
        assert steady.max() < {"car": 12.0, "cyclist": 6.5, "pedestrian": 1.8}[mover.label]
        side = np.abs(track[:, 1])
        if mover.label == "car":
            assert np.ptp(track[:, 1]) == 0.0 and (np.cos(track[0, 3]) > 0) == (track[0, 1] < 0)
        elif mover.name.startswith("pedestrian"):
            assert side.min() > road._EDGE


def test_a_route_keeps_its_geometry_in_every_condition() -> None:
    scenes = {name: route.make(5, route.Config(places=150, condition=name)) for name in NAMES}
    day = scenes["day"]
    fixed = [(s.kind, s.size, s.pose, s.mesh, s.label) for s in day.shapes if s.label in FIXED]
    assert len(fixed) > 100
    for name, scene in scenes.items():
        same = [(s.kind, s.size, s.pose, s.mesh, s.label) for s in scene.shapes if s.label in FIXED]
        assert same == fixed
        assert np.array_equal(scene.route, day.route)
        assert scene.lux == CONDITIONS[name].lux
        if name != "day":
            cars = [[s.pose for s in x.shapes if s.label == "car"] for x in (scene, day)]
            assert cars[0] != cars[1]
            changed = [k for k in day.textures if not np.array_equal(
                day.textures[k], scene.textures[k])]  # fmt: skip
            assert {"asphalt", "pavement"} <= set(changed)
            assert ("leaves 0" in changed) == (CONDITIONS[name].leaf != CONDITIONS["day"].leaf)


def test_places_are_evenly_spaced_on_a_closed_way() -> None:
    scene = route.make(6, route.Config(places=200, spacing_m=1.5))
    assert scene.route.shape == (200, 3)
    step = np.hypot(*np.diff(scene.route[:, :2], axis=0, append=scene.route[:1, :2]).T)
    # The lane is inside or outside of the loop's middle line, so steps differ a little by bends.
    assert step.mean() == pytest.approx(1.5, rel=0.06) and step.max() < 1.7
    with pytest.raises(ValueError, match="200 m are the least"):
        route.make(6, route.Config(places=60, spacing_m=1.0))


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31), length=st.floats(150.0, 3000.0))
def test_loops_are_as_long_and_as_wide_as_asked(seed: int, length: float) -> None:
    loop = Loop.make(np.random.default_rng(seed), length, 15.0)
    closed = np.vstack([loop.fine, loop.fine[:1]])
    assert np.hypot(*np.diff(closed, axis=0).T).sum() == pytest.approx(length, rel=1e-3)
    assert loop.tightest() >= 15.0
    assert loop.at(np.array([0.0]))[0] == pytest.approx(loop.at(np.array([length]))[0], abs=1e-6)
