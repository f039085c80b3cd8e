"""The simulated blimp: the same for the same seed, sound sensors, physics by hand."""

from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from spikeloop_sim.blimp import Blimp
from spikeloop_sim.blimp_config import BlimpConfig
from spikeloop_sim.robot import ImuReading, RangeReading
from spikeloop_sim.robots import make_robot

ENVIRONMENTS = ("BlimpAltitude", "IdentifiedBlimpAltitude")
CALM = {"gust": (0.0, 0.0, 0.0), "offset_low": 0.0, "offset_high": 0.0}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environment_passes_the_checker_without_a_warning(name: str) -> None:
    environment = gymnasium.make(f"spikeloop_sim:spikeloop/{name}-v0")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(environment.unwrapped, skip_render_check=True)


@pytest.mark.parametrize("name", ("blimp", "identified_blimp"))
def test_same_seed_same_bits_after_another_episode(name: str) -> None:
    def run(robot: object, seed: int) -> list[float]:
        robot.reset(seed)  # type: ignore[attr-defined]
        altitudes = []
        for i in range(300):
            command = robot.safe_command  # type: ignore[attr-defined]
            command[0] = np.sin(i / 20.0)
            robot.step(command)  # type: ignore[attr-defined]
            altitudes.append(robot.read("altitude").distance)  # type: ignore[attr-defined]
        return altitudes

    robot = make_robot(name, {})
    first = run(robot, 5)
    assert run(robot, 6) != first
    assert run(robot, 5) == first
    assert run(make_robot(name, {}), 5) == first


def test_a_neutral_blimp_in_calm_air_barely_moves() -> None:
    blimp = Blimp(BlimpConfig(**CALM, start_altitude=2.0))  # type: ignore[arg-type]
    blimp.reset(0)
    for _ in range(1000):
        blimp.step(blimp.safe_command)
    assert blimp.truth()["altitude"] == pytest.approx(2.0, abs=1e-3)
    assert abs(blimp.truth()["climb_rate"]) < 1e-3
    # Ballast in the nose balances the fins.
    assert abs(blimp.truth()["pitch"]) < 1e-3
    imu, reading = blimp.read("imu/data"), blimp.read("altitude")
    assert isinstance(imu, ImuReading) and isinstance(reading, RangeReading)
    assert imu.linear_acceleration[2] == pytest.approx(9.81, abs=0.3)
    assert reading.distance == pytest.approx(2.0, abs=0.15)


def test_the_altimeter_sees_the_floor_and_not_the_mast() -> None:
    blimp = Blimp(BlimpConfig(**CALM, start_altitude=4.5))  # type: ignore[arg-type]
    blimp.reset(0)
    blimp.data.qpos[1] = 2.0
    for _ in range(5):
        blimp.step(blimp.safe_command)
    reading = blimp.read("altitude")
    assert isinstance(reading, RangeReading)
    assert reading.distance == pytest.approx(4.5, abs=0.05)


def test_the_thruster_lags_and_saturates() -> None:
    blimp = Blimp(BlimpConfig(**CALM))  # type: ignore[arg-type]
    blimp.reset(0)
    command = blimp.safe_command
    command[0] = 7.0
    for _ in range(30):
        blimp.step(command)
    # A first-order lag of 0.3 s, after 0.3 s.
    assert blimp.truth()["vertical_drive"] == pytest.approx(1.0 - np.exp(-1.0), abs=1e-6)


def test_an_offset_of_buoyancy_lifts_or_sinks() -> None:
    def drift(sign: str) -> float:
        blimp = Blimp(BlimpConfig(gust=(0.0, 0.0, 0.0), offset_sign=sign, start_altitude=3.0))
        blimp.reset(0)
        for _ in range(500):
            blimp.step(blimp.safe_command)
        return blimp.truth()["altitude"] - 3.0

    assert drift("light") > 0.1
    assert drift("heavy") < -0.1


def test_a_command_that_isnt_finite_is_refused_by_name() -> None:
    blimp = Blimp()
    with pytest.raises(ValueError, match="actuator 'vertical' is nan"):
        blimp.step(np.array([np.nan, 0.0, 0.0]))
    with pytest.raises(ValueError, match="one value for each of vertical, left, right"):
        blimp.step(np.zeros(2))


def test_unknown_robot_and_parameter_name_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'blimp'"):
        make_robot("blimb", {})
    with pytest.raises(ValueError, match="did you mean 'gust'"):
        make_robot("blimp", {"gusts": [0.0, 0.0, 0.0]})
