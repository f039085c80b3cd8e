"""Every registered environment: Gymnasium's checker, seeds, ends, vectors, pictures, wrappers."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from spikeloop_sim import ENVIRONMENTS
from spikeloop_sim.height_picture import height_picture
from spikeloop_sim.window import Window
from spikeloop_sim.wrappers import EventCameraObservation, PictureEventObservation
from spikeloop_sim.wrappers.picture_events import changes

from spikeloop.lidar.sectors import RANGE_M, SECTORS, sectors, xyz_of

IDS = [f"spikeloop/{name}-v0" for name in ENVIRONMENTS]
CORRIDOR = "spikeloop/CorridorPatrol-v0"
SLOW = {
    "spikeloop/OfficePatrol-v0": {"world_parameters": {"rooms": 2}},
    "spikeloop/RoadPatrol-v0": {"world_parameters": {"length_m": 80.0, "cars": 1, "crossers": 1}},
    "spikeloop/RouteLap-v0": {"world_parameters": {"places": 140}},
}
"""The classes of others, in worlds that take long to make: checked in small ones."""
QUICK = [name for name in IDS if name not in SLOW]
FIELDS = ("x", "y", "z")


@pytest.mark.parametrize("name", IDS)
def test_it_passes_the_checker_without_a_warning(name: str) -> None:
    environment = gymnasium.make(name, **SLOW.get(name, {}))  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(environment.unwrapped, skip_render_check=True)
    assert environment.metadata["render_modes"] == ["human", "rgb_array"]
    environment.close()


@pytest.mark.parametrize("name", QUICK)
def test_equal_seeds_give_equal_episodes_and_others_dont(name: str) -> None:
    def episode(environment: Any, seed: int) -> list[Any]:
        environment.action_space.seed(0)
        seen = [environment.reset(seed=seed)[0]]
        for _ in range(5):
            seen += environment.step(environment.action_space.sample())[:2]
        return seen

    one, other = gymnasium.make(name), gymnasium.make(name)
    first = episode(one, 5)
    for again in (episode(other, 5), (episode(one, 6), episode(one, 5))[1]):
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[-2], episode(other, 6)[-2])
    one.close()
    other.close()


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("mode", (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP))
def test_vectors_reset_by_both_modes(name: str, mode: AutoresetMode) -> None:
    vector = gymnasium.make_vec(
        name,
        num_envs=2,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": mode},
        max_episode_steps=3,
    )
    assert isinstance(vector, SyncVectorEnv)
    first, _ = vector.reset(seed=[3, 4])
    assert first.shape == (2, *vector.single_observation_space.shape)
    actions = np.zeros(vector.action_space.shape, np.float32)
    ends = []
    for _ in range(4):
        seen, _, _, truncated, info = vector.step(actions)
        ends.append(truncated.tolist())
        assert ("final_obs" in info) == (mode is AutoresetMode.SAME_STEP and truncated.all())
    # The third decision ends; by NEXT_STEP the fourth is the reset itself.
    assert ends == [[False] * 2, [False] * 2, [True] * 2, [False] * 2]
    assert vector.observation_space.contains(seen)
    vector.close()


@pytest.mark.parametrize("name", QUICK)
def test_it_is_drawn_as_rgb(name: str) -> None:
    environment = gymnasium.make(name, render_mode="rgb_array")
    environment.reset(seed=1)
    picture = environment.render()
    assert isinstance(picture, np.ndarray)
    assert picture.shape == (240, 320, 3) and picture.dtype == np.uint8 and picture.std() > 5.0
    environment.close()


def test_an_unknown_render_mode_is_told() -> None:
    from spikeloop_sim.patrol_env import CorridorPatrolEnv

    with pytest.raises(ValueError, match="human, rgb_array, not 'ansi'"):
        CorridorPatrolEnv(render_mode="ansi")


def test_without_a_display_a_window_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import glfw

    monkeypatch.setattr(glfw, "init", lambda: False)
    with pytest.raises(RuntimeError, match="rgb_array"):
        Window("title", 10, 10)


def test_a_window_shows_what_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[np.ndarray[Any, Any]] = []

    class Fake:
        def __init__(self, title: str, width: int, height: int) -> None:
            assert (title, width, height) == ("spikeloop/IdentifiedBlimpAltitude-v0", 320, 240)

        def draw(self, picture: Any) -> None:
            shown.append(picture)

        def close(self) -> None:
            shown.append(np.zeros(0))

    monkeypatch.setattr("spikeloop_sim.robot_env.Window", Fake)
    environment = gymnasium.make("spikeloop/IdentifiedBlimpAltitude-v0", render_mode="human")
    environment.reset(seed=0)
    environment.step(np.ones(1, np.float32))
    environment.close()
    assert [len(picture) for picture in shown] == [240, 240, 0]


def test_a_height_is_drawn_where_it_is() -> None:
    low, high = height_picture(0.0, 2.0), height_picture(4.0, 2.0)
    assert (high[:, 160] == (22, 104, 184)).all(1).sum() > 150
    assert (low[:, 160] == (22, 104, 184)).all(1).sum() < 5
    assert (low[119] == (26, 153, 77)).all(1).sum() == 200


def test_sectors_hold_the_nearest_obstacle() -> None:
    points = np.zeros(5, [(name, "f4") for name in FIELDS])
    rows = ((2.0, 0.0, 0.0), (1.5, 0.0, 0.0), (0.0, 3.0, 0.0), (1.0, 0.0, 0.5), (np.nan,) * 3)
    for index, row in enumerate(rows):
        points[index] = row
    nearest = sectors(xyz_of(points))
    assert nearest[0] == pytest.approx(1.5) and nearest[SECTORS // 4] == pytest.approx(3.0)
    assert (np.delete(nearest, [0, SECTORS // 4]) == RANGE_M).all()


def test_patrol_pays_for_progress_and_ends_at_a_wall() -> None:
    environment = gymnasium.make(CORRIDOR)
    _, info = environment.reset(seed=2)
    assert info["world_seed"] == 2
    start, total, ended = info["goal_distance"], 0.0, False
    for _ in range(300):
        _, reward, ended, _, info = environment.step(np.array([1.0, 0.6], np.float32))
        total += float(reward)
        if ended:
            break
    assert ended and info["collisions"] == 1 and not info["is_success"]
    expected = start - info["goal_distance"] - info["time_s"] / 5.0 - 10.0
    assert total == pytest.approx(expected, abs=1e-6)
    environment.close()
    test = gymnasium.make(CORRIDOR, split="test")
    assert test.reset(seed=2)[1]["world_seed"] == 1_000_002
    with pytest.raises(ValueError, match="did you mean 'train'"):
        gymnasium.make(CORRIDOR, split="trian")
    with pytest.raises(ValueError, match="did you mean 'lidar_rows'"):
        gymnasium.make(CORRIDOR, lidar_row=3)


def test_patrol_sees_walls_pass_where_flow_is_asked_for() -> None:
    options = {"flow": True, "world_parameters": {"plaster": False}}
    environment = gymnasium.make(CORRIDOR, **options)  # type: ignore[arg-type]
    plain = gymnasium.make(CORRIDOR, world_parameters=options["world_parameters"])
    size = plain.observation_space.shape[0]  # type: ignore[index]
    first, _ = environment.reset(seed=3)
    plain.reset(seed=3)
    assert environment.observation_space.contains(first) and not first[size:].any()
    passed = []
    for _ in range(25):
        seen = environment.step(np.array([1.0, 0.0], np.float32))[0]
        assert np.array_equal(seen[:size], plain.step(np.array([1.0, 0.0], np.float32))[0])
        passed.append(seen[size:])
    # Straight on, what is at the left passes to the left, at the right to the right.
    left, right = np.split(np.sum(passed, 0), 2)
    assert left.sum() < -0.5 and right.sum() > 0.5
    environment.close()
    plain.close()
    with pytest.raises(ValueError, match="'event_camera' must be true"):
        gymnasium.make(CORRIDOR, flow=True, event_camera=False)


def test_a_plain_rule_drives_around_a_track_and_is_paid_by_the_metre() -> None:
    environment = gymnasium.make("spikeloop/RaceTrackLap-v0", world_parameters={"length_m": 60.0})
    seen, info = environment.reset(seed=4)
    assert info["lap"] == pytest.approx(60.0, abs=0.5)
    total, ended = 0.0, False
    while not ended:
        offset, heading, curvature, speed, _ = seen[SECTORS:]
        turn = speed * curvature - 1.5 * heading - 0.6 * offset
        seen, reward, ended, cut, info = environment.step(np.array([0.6, 0.5 * turn], np.float32))
        total += float(reward)
        assert not cut
    assert info["is_success"] and info["way"] >= info["lap"]
    assert total == pytest.approx(info["way"] - 0.2 * info["time_s"] + 10.0, abs=1e-6)
    environment.close()


def test_the_blimp_tours_a_hall_from_waypoint_to_waypoint() -> None:
    environment = gymnasium.make("spikeloop/BlimpHallTour-v0", world_parameters={"waypoints": 2})
    seen, info = environment.reset(seed=3)
    assert info["waypoint_distance"] == pytest.approx(float(np.linalg.norm(seen[1:4])), rel=1e-5)
    drift, ended = 0.0, False
    while not ended:
        _, ahead, left, up, _, _, climb, rate = seen
        bearing, drift = np.arctan2(left, ahead), np.clip(drift + 0.002 * up, -0.8, 0.8)
        lift = 0.5 * up - 1.2 * climb + drift
        forward = np.clip(0.4 * ahead, 0.0, 0.7) if abs(bearing) < 1.0 else 0.0
        turn = np.clip(0.6 * bearing - 0.8 * rate, -0.4, 0.4)
        action = np.array([lift, forward - turn, forward + turn], np.float32)
        seen, _, ended, cut, info = environment.step(np.clip(action, -1.0, 1.0))
        assert not cut
    assert info["is_success"] and info["waypoint"] == 2 and info["touching"] == 0.0
    # Thrust down brings it to the floor, which ends the episode.
    environment.reset(seed=3)
    while not environment.step(np.array([-1.0, 0.0, 0.0], np.float32))[2]:
        pass
    assert environment.unwrapped.robot.truth()["touching"] == 1.0  # type: ignore[attr-defined]
    environment.close()


def test_changes_are_events_at_the_levels_they_cross() -> None:
    before, now = np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float32)
    now[0, 1], now[1, 2] = 0.65, -0.25
    events, level = changes(before, now, 0.2, 1000)
    assert events.t.tolist() == [307, 615, 800, 923]
    assert events.p.tolist() == [1, 1, 0, 1]
    assert list(zip(events.x.tolist(), events.y.tolist(), strict=True)) == [
        (1, 0),
        (1, 0),
        (2, 1),
        (1, 0),
    ]
    assert level[0, 1] == pytest.approx(0.6) and level[1, 2] == pytest.approx(-0.2)
    rest, _ = changes(level, now, 0.2, 1000)
    assert len(rest) == 0


def test_events_come_from_the_pictures_of_any_environment() -> None:
    blimp = gymnasium.make("spikeloop/BlimpAltitude-v0", render_mode="rgb_array")
    wrapped = PictureEventObservation(blimp, "histogram")
    first, _ = wrapped.reset(seed=1)
    assert wrapped.observation_space.contains(first)
    assert first["events"].shape == (2, 240, 320) and not first["events"].any()
    for _ in range(10):
        seen = wrapped.step(np.ones(1, np.float32))[0]
    assert seen["events"].sum() > 20
    wrapped.close()
    with pytest.raises(ValueError, match="render_mode='rgb_array', not None"):
        PictureEventObservation(gymnasium.make("CartPole-v1"))


def test_events_come_from_the_robots_own_camera() -> None:
    size = {"event_width": 48, "event_height": 36}
    robot = gymnasium.make(CORRIDOR, event_camera=True, **size)
    wrapped = EventCameraObservation(robot, "voxel_grid", bins=3)
    assert wrapped.observation_space["events"].shape == (3, 36, 48)  # type: ignore[index]
    first, _ = wrapped.reset(seed=3)
    assert not first["events"].any()
    runs = []
    for _ in range(2):
        wrapped.reset(seed=3)
        runs.append([wrapped.step(np.array([1.0, 0.3], np.float32))[0] for _ in range(6)])
    assert wrapped.observation_space.contains(runs[0][-1])
    assert np.abs(runs[0][-1]["events"]).sum() > 10.0
    assert all(np.array_equal(a["events"], b["events"]) for a, b in zip(*runs, strict=True))
    wrapped.close()
    with pytest.raises(ValueError, match="event_camera=True"):
        EventCameraObservation(gymnasium.make(CORRIDOR))
    with pytest.raises(ValueError, match="PictureEventObservation"):
        EventCameraObservation(gymnasium.make("CartPole-v1"))
    with pytest.raises(ValueError, match="did you mean 'histogram'"):
        PictureEventObservation(
            gymnasium.make("spikeloop/IdentifiedBlimpAltitude-v0", render_mode="rgb_array"),
            "histogramm",
        )
