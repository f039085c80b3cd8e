"""Environments of one axis: set-points, angles that go on, and the quadrotor's equations."""

from __future__ import annotations

import math

import gymnasium
import numpy as np
import pytest
import spikeloop_sim
from gymnasium.utils.env_checker import check_env
from spikeloop_sim.axis_env import AXES, AxisEnv
from spikeloop_sim.quadrotor import Quadrotor, QuadrotorConfig

CALM = QuadrotorConfig(offset_low=0.0, offset_high=0.0, gust=0.0, noise=0.0)


def test_all_axes_are_registered_and_of_the_stated_length() -> None:
    assert {axis for axis, _ in spikeloop_sim.AXES.values()} == set(AXES)
    for axis, longest in spikeloop_sim.AXES.values():
        assert longest == round(4 * AXES[axis].hold_s / AXES[axis].period_s)


@pytest.mark.parametrize("axis", ["blimp_forward", "diff_drive_speed", "quadrotor_pitch"])
def test_equal_seeds_give_equal_episodes(axis: str) -> None:
    environment = AxisEnv(axis)

    def episode(seed: int) -> np.ndarray:
        first, _ = environment.reset(seed=seed)
        action = np.array([0.3], np.float32)
        return np.array([first, *[environment.step(action)[0] for _ in range(5)]])

    assert (episode(3) == episode(3)).all() and (episode(3) != episode(4)).any()
    environment.close()


def test_it_passes_the_checker() -> None:
    check_env(gymnasium.make("spikeloop/QuadrotorRoll-v0").unwrapped, skip_render_check=True)
    environment = AxisEnv(render_mode="rgb_array")
    environment.reset(seed=0)
    assert environment.render().shape == (240, 320, 3)


def test_headings_count_on_past_half_a_turn() -> None:
    environment = AxisEnv("diff_drive_heading")
    _, info = environment.reset(seed=1)
    assert info["value"] == 0.0 and info["setpoint"] == 0.0
    seen = [environment.step(np.array([1.0], np.float32))[0][0] for _ in range(60)]
    assert np.abs(np.diff(seen)).max() < 0.2 and seen[-1] > 5.0
    environment.close()


def test_an_unknown_axis_is_named() -> None:
    with pytest.raises(ValueError, match="unknown axis 'blimp_headng'"):
        AxisEnv("blimp_headng")


def test_a_constant_torque_turns_it_as_newton_says() -> None:
    robot = Quadrotor(CALM)
    for _ in range(50):
        robot.step(np.array([0.5, 0.0, 0.0]))
    # Thrust that rises with 12.5 ms and falls with 25 ms acts as if it came 19 ms late.
    change = 0.8 * 0.716 * 9.81 / 4.0
    rate = 0.5 * 2.0 * 0.17 * change / 0.007 * (0.1 - 0.5 * (0.0125 + 0.025))
    assert robot.truth()["p"] == pytest.approx(rate, rel=0.03)
    assert robot.truth()["q"] == 0.0


def test_axes_couple_through_the_gyroscopic_torque() -> None:
    robot = Quadrotor(CALM)
    for _ in range(50):
        robot.step(np.array([0.2, 0.0, 1.0]))
    truth = robot.truth()
    # dq/dt = (Jz - Jx) / Jy r p > 0, though nobody asked for pitch.
    assert truth["q"] > 0.005 and truth["yaw"] > 0.0


def test_angles_are_those_of_the_rates_when_level() -> None:
    robot = Quadrotor(CALM)
    for _ in range(20):
        robot.step(np.array([0.0, 0.3, 0.0]))
    truth = robot.truth()
    assert truth["pitch"] > 0.0 and truth["roll"] == truth["yaw"] == 0.0
    with pytest.raises(ValueError, match="'pitch' is nan"):
        robot.step(np.array([0.0, math.nan, 0.0]))
