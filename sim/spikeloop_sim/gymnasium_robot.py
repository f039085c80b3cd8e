"""Any Gymnasium environment as the robot of a mission: `robot: gymnasium:CartPole-v1`.

Its spaces become topics:

- An observation is the topic `observation` (spikeloop/msg/Observation), one each tick: the values
  of `gymnasium.spaces.flatten`, so a Discrete one is one-hot. Pictures are refused.
- A command has, for an action space Box, one actuator a number: -1 is its `low`, 1 its `high`,
  0 the middle. For Discrete(n) it has n, of which the largest wins; where several are the largest
  (as in the command of a gate that stops, all 0), the safe action is taken. MultiDiscrete has one
  such group for each of its parts, and for MultiBinary an actuator above 0 is 1.
- Reward and end are truth: what a controller isn't told, but a criterion may use.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from spikeloop.parameters import ParameterError, build_config, parameter, parameters_of
from spikeloop_sim.robot import (
    CommandKind,
    SensorSpec,
    VectorReading,
    checked_command,
    no_such_topic,
)

PREFIX = "gymnasium:"
TOPIC = "observation"
MOST_VALUES = 4096
MOST_ACTUATORS = 64

LABELS = {
    "CartPole-v1": ("position", "velocity", "angle", "angular_velocity"),
    "MountainCar-v0": ("position", "velocity"),
    "MountainCarContinuous-v0": ("position", "velocity"),
    "Pendulum-v1": ("cos_angle", "sin_angle", "angular_velocity"),
    "Acrobot-v1": (
        "cos_first",
        "sin_first",
        "cos_second",
        "sin_second",
        "first_rate",
        "second_rate",
    ),
}
"""Names of the values, as the environments' own documentation calls them."""

FACTS = ("reward", "return", "steps", "terminated", "truncated")


@dataclass(frozen=True)
class GymnasiumRobotConfig:
    """How an environment becomes a robot; all other `robot_parameters` are the environment's."""

    tick: float = parameter(
        0.0,
        "Duration of a step; 0 for the environment's own (its `dt` or `tau`, else 1/render_fps).",
        unit="s",
        low=0.0,
        high=10.0,
    )
    safe_action: int = parameter(
        -1,
        "Discrete action of the safe command; -1 for the middle one, such as 'no push' of three.",
        low=-1,
    )
    labels: tuple[str, ...] = parameter(
        (), "Names of the observation's values; empty for the known ones or observation_0 and on."
    )


class GymnasiumRobot:
    """A Gymnasium environment as a `Robot`; a tick is a step of it.

    When an episode has ended, the environment stands still: the last observation stays, and no
    reward comes.
    """

    command_kind: CommandKind = "actuators"

    def __init__(
        self, environment: gymnasium.Env[Any, Any], config: GymnasiumRobotConfig | None = None
    ) -> None:
        """Wrap an environment that nobody else steps, and reset it with seed 0.

        Raises:
            ValueError: a space that has no place on the topics, or a parameter that doesn't fit.

        """
        self.config = config or GymnasiumRobotConfig()
        self.environment = environment
        self.name = environment.spec.id if environment.spec else type(environment).__name__
        self.tick_s = self.config.tick or _step_of(environment, self.name)
        self.sensors = (SensorSpec(TOPIC, "vector", 1, "base_link"),)
        _check_observations(environment.observation_space, self.name)
        self._space = environment.observation_space
        self.actuator_names, self._safe, self._action = _actuators(
            environment.action_space, self.config.safe_action, self.name
        )
        self.labels = self._named(spaces.flatdim(self._space))
        self.reset(0)

    @property
    def safe_command(self) -> NDArray[np.float64]:
        """The middle of a Box, the safe action of a Discrete space; (actuators,)."""
        return self._safe.copy()

    @property
    def finished(self) -> bool:
        """Whether the episode has ended."""
        return self._terminated or self._truncated

    def reset(self, seed: int) -> None:
        """Start an episode; see `Robot.reset`."""
        if seed < 0:
            raise ValueError(f"seed must be at least 0, not {seed}")
        observation, _ = self.environment.reset(seed=seed)
        self._reward = self._return = 0.0
        self._steps = 0
        self._terminated = self._truncated = False
        self._take(observation)

    def step(self, command: NDArray[np.float64]) -> None:
        """One step of the environment; see `Robot.step`."""
        values = np.array(checked_command(command, self.actuator_names))
        if self.finished:
            self._reward = 0.0
            return
        observation, reward, terminated, truncated, _ = self.environment.step(self._action(values))
        self._reward = float(reward)
        self._return += self._reward
        self._steps += 1
        self._terminated, self._truncated = bool(terminated), bool(truncated)
        self._take(observation)

    def read(self, topic: str) -> VectorReading:
        """The newest observation; see `Robot.read`."""
        if topic != TOPIC:
            raise no_such_topic(topic, self.sensors)
        return VectorReading(self.labels, tuple(self._values.tolist()))

    def truth(self) -> dict[str, float]:
        """What happened so far.

        Returns:
            reward of the last step, return, steps, terminated and truncated (0 or 1), every value
            of the observation by its label, and for each pair cos_X and sin_X the angle X in rad.

        """
        values = dict(zip(self.labels, self._values.tolist(), strict=True))
        angles = {
            label[4:]: math.atan2(values[f"sin_{label[4:]}"], value)
            for label, value in values.items()
            if label.startswith("cos_") and f"sin_{label[4:]}" in values
        }
        facts = (self._reward, self._return, self._steps, self._terminated, self._truncated)
        return {**dict(zip(FACTS, map(float, facts), strict=True)), **values, **angles}

    def picture(self) -> NDArray[np.uint8] | None:
        """What it looks like now, (height, width, 3) RGB; None where it can't be drawn."""
        if self.environment.render_mode != "rgb_array":
            return None
        drawn = self.environment.render()
        return np.asarray(drawn, np.uint8) if isinstance(drawn, np.ndarray) else None

    def close(self) -> None:
        """Free what the environment holds."""
        self.environment.close()

    def _take(self, observation: Any) -> None:
        flat = spaces.flatten(self._space, observation)
        self._values = np.asarray(flat, np.float64).reshape(-1)

    def _named(self, count: int) -> tuple[str, ...]:
        given = self.config.labels or LABELS.get(self.name, ())
        if not given:
            return tuple(f"observation_{index}" for index in range(count))
        if len(given) != count or len(set(given)) != count or set(given) & set(FACTS):
            raise ValueError(
                f"robot '{PREFIX}{self.name}': parameter 'labels' must have {count} names, all "
                f"different and none of {', '.join(FACTS)}; it is {', '.join(given)}"
            )
        return given


def make_gymnasium_robot(name: str, parameters: Mapping[str, Any]) -> GymnasiumRobot:
    """Build the robot `gymnasium:ID`; parameters that aren't its own go to the environment.

    Raises:
        ValueError: the environment doesn't exist, can't be built, or has a space that has no
            place on the topics; the message names the robot.

    """
    own = parameters_of(GymnasiumRobotConfig)
    identity = name.removeprefix(PREFIX)
    owner = f"robot '{name}': "
    config = build_config(
        GymnasiumRobotConfig, {k: v for k, v in parameters.items() if k in own}, owner
    )
    options = {k: v for k, v in parameters.items() if k not in own}
    try:
        spec = gymnasium.spec(identity)
        modes = _render_modes(spec)
        if "rgb_array" in modes:
            options.setdefault("render_mode", "rgb_array")
        environment = gymnasium.make(identity, **options)
    except (gymnasium.error.Error, ImportError) as error:
        raise ParameterError(f"{owner}{error}") from error
    except TypeError as error:
        raise ParameterError(
            f"{owner}the environment can't be built with {', '.join(options) or 'no parameter'}: "
            f"{error}; the robot's own are: {', '.join(own)}"
        ) from error
    return GymnasiumRobot(environment, config)


def _render_modes(spec: gymnasium.envs.registration.EnvSpec) -> list[str]:
    kind = spec.entry_point
    if isinstance(kind, str):
        kind = gymnasium.envs.registration.load_env_creator(kind)
    modes = getattr(kind, "metadata", {}).get("render_modes", [])
    return [str(mode) for mode in modes]


def _step_of(environment: gymnasium.Env[Any, Any], name: str) -> float:
    """The environment's own duration of a step, s."""
    plain = environment.unwrapped
    for attribute in ("dt", "tau"):
        value = getattr(plain, attribute, None)
        if isinstance(value, (int, float)) and math.isfinite(value) and value > 0:
            return float(value)
    rate = environment.metadata.get("render_fps")
    if rate:
        return 1.0 / float(rate)
    raise ValueError(
        f"robot '{PREFIX}{name}': the environment doesn't say how long a step lasts; give the "
        "parameter 'tick' in s"
    )


def _check_observations(space: gymnasium.Space[Any], name: str) -> None:
    owner = f"robot '{PREFIX}{name}': "
    if isinstance(space, spaces.Box) and len(space.shape) > 1 and space.dtype == np.uint8:
        raise ValueError(
            f"{owner}its observations are pictures {space.shape}; wrap it in one that gives "
            "numbers, for `observation` carries no pictures"
        )
    if not space.is_np_flattenable:
        raise ValueError(f"{owner}observations of {space} have no fixed number of values")
    if spaces.flatdim(space) > MOST_VALUES:
        raise ValueError(
            f"{owner}an observation has {spaces.flatdim(space)} values, `observation` takes at "
            f"most {MOST_VALUES}"
        )


Act = Callable[[NDArray[np.float64]], Any]


def _actuators(
    space: gymnasium.Space[Any], safe: int, name: str
) -> tuple[tuple[str, ...], NDArray[np.float64], Act]:
    """Names of the actuators, the safe command, and what turns a command into an action."""
    owner = f"robot '{PREFIX}{name}': "
    if isinstance(space, spaces.Box):
        return _box(space, owner)
    if isinstance(space, spaces.Discrete):
        first = int(space.start)
        choice = _choice(int(space.n), safe, owner)
        names = tuple(f"action_{first + k}" for k in range(int(space.n)))
        _check_count(len(names), owner)
        return names, _one_hot(len(names), choice), lambda v: first + _largest(v, choice)
    if isinstance(space, spaces.MultiDiscrete) and len(space.shape) == 1:
        return _multi_discrete(space, safe, owner)
    if isinstance(space, spaces.MultiBinary) and len(space.shape) == 1:
        count = int(space.shape[0])
        _check_count(count, owner)
        names = tuple(f"bit_{k}" for k in range(count))
        return names, np.full(count, -1.0), lambda v: (v > 0.0).astype(np.int8)
    raise ValueError(
        f"{owner}an action space {space} has no place among the actuators; it must be Box, "
        "Discrete, MultiDiscrete or MultiBinary"
    )


def _box(space: spaces.Box, owner: str) -> tuple[tuple[str, ...], NDArray[np.float64], Act]:
    count = int(np.prod(space.shape))
    _check_count(count, owner)
    if not space.is_bounded():
        raise ValueError(f"{owner}its action space {space} has no bounds to map -1 and 1 to")
    low, high = space.low.astype(np.float64).reshape(-1), space.high.astype(np.float64).reshape(-1)

    def act(values: NDArray[np.float64]) -> Any:
        scaled = low + 0.5 * (values + 1.0) * (high - low)
        return scaled.reshape(space.shape).astype(space.dtype)

    return tuple(f"action_{k}" for k in range(count)), np.zeros(count), act


def _multi_discrete(
    space: spaces.MultiDiscrete, safe: int, owner: str
) -> tuple[tuple[str, ...], NDArray[np.float64], Act]:
    sizes = [int(size) for size in space.nvec]
    _check_count(sum(sizes), owner)
    choices = [_choice(size, safe, owner) for size in sizes]
    ends = np.cumsum(sizes)[:-1]
    names = tuple(f"action_{g}_{k}" for g, size in enumerate(sizes) for k in range(size))
    command = np.concatenate([_one_hot(n, c) for n, c in zip(sizes, choices, strict=True)])

    def act(values: NDArray[np.float64]) -> Any:
        parts = np.split(values, ends)
        chosen = [_largest(part, safe) for part, safe in zip(parts, choices, strict=True)]
        return (np.array(chosen) + space.start).astype(space.dtype)

    return names, command, act


def _check_count(count: int, owner: str) -> None:
    if not 1 <= count <= MOST_ACTUATORS:
        raise ValueError(f"{owner}{count} actuators are needed; 1 to {MOST_ACTUATORS} can be")


def _choice(count: int, safe: int, owner: str) -> int:
    if safe >= count:
        raise ValueError(
            f"{owner}parameter 'safe_action' must be below the {count} actions, not {safe}"
        )
    return count // 2 if safe < 0 else safe


def _one_hot(count: int, index: int) -> NDArray[np.float64]:
    command = np.full(count, -1.0)
    command[index] = 1.0
    return command


def _largest(values: NDArray[np.float64], safe: int) -> int:
    """Index of the largest value; the safe one where several are the largest."""
    best = np.flatnonzero(values == values.max())
    return int(best[0]) if len(best) == 1 else safe
