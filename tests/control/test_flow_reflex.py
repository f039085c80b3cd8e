"""The reflex in flow fields whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spikeloop.control.flow_reflex.config import FlowReflexConfig
from spikeloop.control.flow_reflex.flow_reflex import FlowReflex

WIDTH, HEIGHT = 160, 80
CONFIG = FlowReflexConfig()
FOCAL = 0.5 * WIDTH / math.tan(0.5 * CONFIG.field)
X = (np.arange(WIDTH) - 0.5 * (WIDTH - 1)) / FOCAL
PERIOD = 0.02


def between_walls(left: float, right: float, speed: float = 0.5) -> NDArray[np.float32]:
    """Flow between two walls along the way, so far to the sides, m."""
    nearness = np.where(X < 0.0, np.abs(X) / left, np.abs(X) / right)
    return field(X * speed * nearness)


def field(u: NDArray[np.float64]) -> NDArray[np.float32]:
    """(h, w, 2) pixels/s of a flow along columns, in focal lengths a second."""
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = FOCAL * u
    return flow


def settled(flow: NDArray[np.float32], turning: float = 0.0) -> tuple[float, float]:
    """Mean command of the second second."""
    reflex = FlowReflex(CONFIG)
    commands = [reflex.decide(flow, turning, PERIOD) for _ in range(100)]
    speed, turn = np.mean(commands[50:], axis=0)
    return float(speed), float(turn)


def test_it_turns_away_from_the_nearer_wall() -> None:
    middle = settled(between_walls(1.0, 1.0))[1]
    to_left = settled(between_walls(1.4, 0.6))[1]
    to_right = settled(between_walls(0.6, 1.4))[1]
    assert abs(middle) < 0.02 < 0.15 < to_left
    assert to_left == pytest.approx(-to_right, abs=0.03)


def test_the_nearer_the_wall_the_more() -> None:
    turns = [settled(between_walls(2.0 - d, d))[1] for d in (0.9, 0.7, 0.5)]
    assert turns[0] < turns[1] < turns[2]


def test_what_looms_stops_it() -> None:
    free = settled(between_walls(3.0, 3.0))[0]
    wall = settled(field(X * 4.0))[0]
    assert free > 0.8 * CONFIG.speed and wall == pytest.approx(0.0, abs=1e-9)


@settings(max_examples=20)
@given(turning=st.floats(-1.5, 1.5), lag=st.floats(-0.3, 0.3))
def test_its_own_turning_changes_nothing(turning: float, lag: float) -> None:
    still = settled(between_walls(1.4, 0.6))[1]
    turned = between_walls(1.4, 0.6) + field((turning + lag) * (1.0 + X * X))
    assert settled(turned, turning)[1] == pytest.approx(still, rel=0.1)


def test_unknown_flow_is_nothing_known() -> None:
    nothing = np.full((HEIGHT, WIDTH, 2), np.nan, np.float32)
    assert settled(nothing) == (CONFIG.speed, 0.0)
    sparse = between_walls(1.4, 0.6)
    sparse[np.random.default_rng(1).random((HEIGHT, WIDTH)) < 0.8] = np.nan
    assert settled(sparse)[1] == pytest.approx(settled(between_walls(1.4, 0.6))[1], rel=0.2)


def test_equal_flow_equal_spikes_after_a_reset() -> None:
    reflex = FlowReflex(CONFIG)
    flow = between_walls(1.4, 0.6)
    first = [(*reflex.decide(flow, 0.1, PERIOD), reflex.cost) for _ in range(20)]
    reflex.reset()
    assert [(*reflex.decide(flow, 0.1, PERIOD), reflex.cost) for _ in range(20)] == first
    assert first[-1][2].spikes > 0 and first[-1][2].accumulates > 0
