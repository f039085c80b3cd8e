"""The reactive controller in situations whose answer is known."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spikeloop.control.lidar_reactive.config import LidarReactiveConfig
from spikeloop.control.lidar_reactive.lidar_reactive import LidarReactive

CONFIG = LidarReactiveConfig()
NOTHING = np.full((4, 3), np.nan)
HERE = (0.0, 0.0, 0.0)


def _line(begin: tuple[float, float], end: tuple[float, float]) -> NDArray[np.float64]:
    """Points on a wall, at the LiDAR's height."""
    part = np.linspace(0.0, 1.0, 200)[:, None]
    flat = np.array(begin) + part * (np.array(end) - np.array(begin))
    return np.column_stack([flat, np.zeros(200)])


def test_in_the_open_it_goes_straight_to_the_goal() -> None:
    speed, turn = LidarReactive(CONFIG).decide(NOTHING, HERE, (5.0, 0.0), 0.0)
    assert speed == pytest.approx(CONFIG.speed, rel=1e-3) and turn == pytest.approx(0.0, abs=0.1)
    _, left = LidarReactive(CONFIG).decide(NOTHING, HERE, (3.0, 1.0), 0.0)
    assert left > 0.3


def test_a_goal_behind_is_turned_to_on_the_spot() -> None:
    speed, turn = LidarReactive(CONFIG).decide(NOTHING, HERE, (-5.0, 0.5), 0.0)
    assert speed == 0.0 and turn == CONFIG.turn_rate


def test_at_the_goal_it_stands() -> None:
    assert LidarReactive(CONFIG).decide(NOTHING, HERE, (0.2, 0.1), 0.0) == (0.0, 0.0)


def test_it_goes_round_an_obstacle_on_its_free_side() -> None:
    # A wall across the way which ends close on the left.
    wall = _line((1.2, 0.2), (1.2, -4.0))
    _, turn = LidarReactive(CONFIG).decide(wall, HERE, (5.0, 0.0), 0.0)
    assert turn > 0.0
    _, turn = LidarReactive(CONFIG).decide(wall * [1.0, -1.0, 1.0], HERE, (5.0, 0.0), 0.0)
    assert turn < 0.0


def test_a_gap_is_taken_only_if_the_robot_fits() -> None:
    def through(gap: float) -> float:
        walls = [_line((1.5, sign * 0.5 * gap), (1.5, sign * 6.0)) for sign in (1.0, -1.0)]
        controller = LidarReactive(CONFIG)
        free = controller._free(np.concatenate(walls)[:, :2])
        return float(free[np.argmin(np.abs(controller._angles))])

    fits = 2.0 * (CONFIG.radius + CONFIG.margin)
    assert through(fits + 0.06) > 3.0
    assert through(fits - 0.06) < 1.5


def test_walled_in_it_never_drives_forward() -> None:
    corners = [(0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5), (0.5, -0.5), (0.5, 0.5)]
    box = np.concatenate([_line(a, b) for a, b in pairwise(corners)])
    speed, _ = LidarReactive(CONFIG).decide(box, HERE, (5.0, 0.0), 0.0)
    assert speed == 0.0


def test_what_left_the_view_is_remembered_for_a_moment() -> None:
    controller = LidarReactive(CONFIG)
    wall = _line((0.6, -0.5), (0.6, 0.5))
    controller.decide(wall, HERE, (5.0, 0.0), 0.0)
    assert controller.decide(NOTHING, HERE, (5.0, 0.0), 0.1)[0] < 0.3
    late = 0.2 + CONFIG.memory
    assert controller.decide(NOTHING, HERE, (5.0, 0.0), late)[0] > 0.5


def test_ground_and_what_hangs_above_are_no_obstacles() -> None:
    wall = _line((0.6, -0.5), (0.6, 0.5))
    for height in (-CONFIG.lidar_height, 0.3):
        points = wall + np.array([0.0, 0.0, height])
        assert LidarReactive(CONFIG).decide(points, HERE, (5.0, 0.0), 0.0)[0] > 0.6


def test_where_it_has_been_costs() -> None:
    controller = LidarReactive(CONFIG)
    for k in range(12):
        controller.decide(NOTHING, (0.5 * k, 0.0, 0.0), (20.0, 0.0), 0.1 * k)
    past = controller._past((6.0, 0.0, 0.0), np.full(144, 8.0))
    assert past[0] > 0.9 and past[72] == 0.0


def test_reset_forgets() -> None:
    controller = LidarReactive(CONFIG)
    wall = _line((0.6, -0.5), (0.6, 0.5))
    fresh = controller.decide(NOTHING, HERE, (5.0, 0.5), 0.0)
    controller.decide(wall, (1.0, 0.0, 1.0), (5.0, 0.0), 0.1)
    controller.reset()
    assert controller.decide(NOTHING, HERE, (5.0, 0.5), 0.0) == fresh


@settings(max_examples=40)
@given(
    st.lists(st.tuples(*[st.floats(-6.0, 6.0)] * 2), max_size=60),
    st.floats(-10.0, 10.0),
    st.floats(-10.0, 10.0),
    st.floats(-3.2, 3.2),
)
def test_commands_are_within_limits(
    places: list[tuple[float, float]], x: float, y: float, yaw: float
) -> None:
    points = np.array([(*place, 0.0) for place in places]).reshape(-1, 3)
    before = points.copy()
    speed, turn = LidarReactive(CONFIG).decide(points, (0.0, 0.0, yaw), (x, y), 1.0)
    assert 0.0 <= speed <= CONFIG.speed and abs(turn) <= CONFIG.turn_rate
    assert math.isfinite(speed + turn) and (points == before).all()
