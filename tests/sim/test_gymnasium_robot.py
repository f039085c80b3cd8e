"""Gymnasium environments as robots: spaces, time, seeds, ends, and what can't be one."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from spikeloop_sim.gymnasium_robot import GymnasiumRobot, GymnasiumRobotConfig
from spikeloop_sim.robot import VectorReading
from spikeloop_sim.robots import make_robot


class _Made(gymnasium.Env[Any, Any]):
    """An environment of any spaces that remembers its actions."""

    metadata = {"render_modes": [], "render_fps": 20}

    def __init__(self, observations: spaces.Space[Any], actions: spaces.Space[Any]) -> None:
        self.observation_space, self.action_space = observations, actions
        self.actions: list[Any] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.actions.append(action)
        return self.observation_space.sample(), 1.0, False, False, {}


def _values(robot: GymnasiumRobot) -> tuple[float, ...]:
    reading = robot.read("observation")
    assert isinstance(reading, VectorReading)
    return reading.values


@pytest.mark.parametrize(
    ("name", "tick"),
    [("CartPole-v1", 0.02), ("Pendulum-v1", 0.05), ("Acrobot-v1", 0.2), ("MountainCar-v0", 1 / 30)],
)
def test_it_steps_as_the_environment_itself(name: str, tick: float) -> None:
    robot, environment = make_robot(f"gymnasium:{name}", {}), gymnasium.make(name)
    assert robot.tick_s == pytest.approx(tick)
    for seed in (3, 4, 3):
        robot.reset(seed)
        expected, _ = environment.reset(seed=seed)
        environment.action_space.seed(seed)
        np.testing.assert_allclose(_values(robot), expected)
        total = 0.0
        for _ in range(30):
            action = environment.action_space.sample()
            command = np.full(len(robot.actuator_names), -1.0)
            if isinstance(environment.action_space, spaces.Discrete):
                command[int(action)] = 0.3
            else:
                command[:] = action / 2.0
            robot.step(command)
            expected, reward, terminated, truncated, _ = environment.step(action)
            total += float(reward)
            np.testing.assert_allclose(_values(robot), expected, rtol=1e-6)
            truth = robot.truth()
            assert truth["return"] == pytest.approx(total)
            assert truth["terminated"] == terminated
            if terminated or truncated:
                break


def test_an_ended_episode_stands_still() -> None:
    robot = make_robot("gymnasium:CartPole-v1", {})
    robot.reset(0)
    while not robot.truth()["terminated"]:
        robot.step(np.array([1.0, -1.0]))
    last, truth = robot.read("observation"), robot.truth()
    robot.step(np.array([-1.0, 1.0]))
    assert robot.read("observation") == last and robot.truth()["steps"] == truth["steps"]
    assert robot.truth()["reward"] == 0.0
    robot.reset(0)
    assert robot.truth()["steps"] == 0.0 and not robot.truth()["terminated"]


def test_a_tie_takes_the_safe_action() -> None:
    environment = _Made(spaces.Box(-1.0, 1.0, (2,)), spaces.Discrete(3, start=5))
    robot = GymnasiumRobot(environment)
    for command in ([0.0, 0.0, 0.0], [0.5, 0.2, 0.5], [0.5, 0.2, 0.1], robot.safe_command):
        robot.step(np.array(command))
    assert environment.actions == [6, 6, 5, 6]
    assert robot.actuator_names == ("action_5", "action_6", "action_7")
    with pytest.raises(ValueError, match="'safe_action' must be below the 3 actions, not 3"):
        GymnasiumRobot(environment, GymnasiumRobotConfig(safe_action=3))


def test_other_spaces_have_their_places() -> None:
    observations = spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Box(-1.0, 1.0, (2, 2))})
    environment = _Made(observations, spaces.MultiDiscrete([2, 3]))
    robot = GymnasiumRobot(environment)
    assert len(_values(robot)) == 7 and robot.tick_s == pytest.approx(0.05)
    robot.step(np.array([-1.0, 1.0, 0.2, 0.1, 0.0]))
    assert environment.actions[0].tolist() == [1, 0]
    box = _Made(spaces.Discrete(4), spaces.Box(np.array([0.0, -2.0]), np.array([4.0, 2.0])))
    robot = GymnasiumRobot(box)
    robot.step(np.array([-1.0, 0.5]))
    robot.step(robot.safe_command)
    np.testing.assert_allclose(box.actions, [[0.0, 1.0], [2.0, 0.0]])
    bits = _Made(spaces.Discrete(4), spaces.MultiBinary(3))
    GymnasiumRobot(bits).step(np.array([0.1, 0.0, -1.0]))
    assert bits.actions[0].tolist() == [1, 0, 0]


def test_what_has_no_place_is_told() -> None:
    pictures = spaces.Box(0, 255, (8, 8, 3), np.uint8)
    numbers, choice = spaces.Box(-1.0, 1.0, (2,)), spaces.Discrete(2)
    for observations, actions, message in (
        (pictures, choice, "observations are pictures"),
        (spaces.Box(-1.0, 1.0, (5000,)), choice, "has 5000 values"),
        (spaces.Sequence(choice), choice, "no fixed number of values"),
        (numbers, spaces.Box(-np.inf, np.inf, (1,)), "has no bounds"),
        (numbers, spaces.Dict({"a": choice}), "has no place among the actuators"),
        (numbers, spaces.Discrete(65), "65 actuators are needed"),
    ):
        with pytest.raises(ValueError, match=message):
            GymnasiumRobot(_Made(observations, actions))


def test_parameters_that_arent_its_own_go_to_the_environment() -> None:
    robot = make_robot("gymnasium:Pendulum-v1", {"g": 1.0, "tick": 0.1, "labels": ["a", "b", "c"]})
    assert robot.tick_s == 0.1 and robot.environment.unwrapped.g == 1.0  # type: ignore[attr-defined]
    assert set("abc") <= set(robot.truth())
    with pytest.raises(ValueError, match=r"'gymnasium:Pendulum-v1'.* can't be built with mass"):
        make_robot("gymnasium:Pendulum-v1", {"mass": 1.0})
    with pytest.raises(ValueError, match="'labels' must have 3 names"):
        make_robot("gymnasium:Pendulum-v1", {"labels": ["a", "b"]})
    with pytest.raises(ValueError, match="CartPole"):
        make_robot("gymnasium:CartPool-v1", {})


def test_angles_are_told_from_their_sine_and_cosine() -> None:
    robot = make_robot("gymnasium:Pendulum-v1", {})
    robot.reset(1)
    truth = robot.truth()
    assert np.cos(truth["angle"]) == pytest.approx(truth["cos_angle"])
    assert np.sin(truth["angle"]) == pytest.approx(truth["sin_angle"])


def test_it_can_be_drawn() -> None:
    robot = make_robot("gymnasium:CartPole-v1", {})
    try:
        picture = robot.picture()  # type: ignore[attr-defined]
    except gymnasium.error.DependencyNotInstalled as error:
        assert "pygame" in str(error)
        return
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
