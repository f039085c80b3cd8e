"""Holding an altitude as Gymnasium environment, for any robot with a vertical thruster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import build_config
from spikeloop_sim.blimp import SENSORS, Blimp
from spikeloop_sim.blimp_config import BlimpConfig
from spikeloop_sim.height_picture import height_picture
from spikeloop_sim.identified_blimp import IdentifiedBlimp, IdentifiedBlimpConfig
from spikeloop_sim.picture import BlimpPicture
from spikeloop_sim.robot import RangeReading, Robot, random_stream
from spikeloop_sim.robot_env import DECISION_S, Action, Observation, RobotEnv

SETPOINTS = 4
SETPOINT_LOW_M, SETPOINT_HIGH_M = 1.0, 3.0
STEP_LEAST_M = 0.5
ACTION_PRICE = 0.1


class AltitudeEnv(RobotEnv):
    """Follow steps of an altitude set-point; one action is one decision at 10 Hz.

    Observation: Box (2,) float32: newest altimeter reading in m (at the end of its range where it
    sees nothing), and set-point in m.

    Action: Box (1,) float32, the command of the thruster `vertical` from -1 to 1; all other
    actuators rest.

    Reward: -|set-point - true altitude| in m, minus 0.1 times the change of the action.

    Episodes never terminate; registered ones are truncated after 1000 decisions. Set-points hold
    for `hold_s` each, the last one for ever.

    Info: every value of the robot's `truth`, with `setpoint` (m) and `time_s` of the observation.
    """

    def __init__(
        self,
        robot: Robot,
        setpoints: Sequence[float] | None = None,
        hold_s: float = 25.0,
        render_mode: str | None = None,
    ) -> None:
        """Wrap a robot that has the actuator `vertical` and the range sensor `altitude`.

        Args:
            robot: stepped by this environment alone.
            setpoints: altitudes in m; where None, 4 are drawn from the seed, from 1 to 3 m and
                at least 0.5 m apart.
            hold_s: for how long each holds, s.
            render_mode: None, "rgb_array" or "human".

        Raises:
            ValueError: no set-points, one that isn't finite, or no time to hold them.

        """
        if setpoints is not None and (not len(setpoints) or not np.isfinite(setpoints).all()):
            raise ValueError(f"setpoints must be one or more finite altitudes, not {setpoints}")
        if not hold_s >= DECISION_S:
            raise ValueError(f"hold_s must be at least {DECISION_S:g} s, not {hold_s}")
        super().__init__(robot, render_mode)
        self._fixed = None if setpoints is None else tuple(float(value) for value in setpoints)
        self._hold = round(hold_s / DECISION_S)
        self._vertical = robot.actuator_names.index("vertical")
        reading = self._altimeter()
        low, high = reading.min_range, reading.max_range
        self.observation_space = gymnasium.spaces.Box(
            np.array([low, min(low, 0.0)], np.float32), np.float32(high), (2,), np.float32
        )
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode.

        With a seed, robot and set-points depend on it alone; without, the next ones are drawn.
        """
        super().reset(seed=seed)
        episode = int(self.np_random.integers(2**31)) if seed is None else seed
        self.robot.reset(episode)
        self._setpoints = self._fixed or _draw_setpoints(random_stream(episode, "setpoint"))
        self._decision = 0
        self._action = 0.0
        self.show()
        return self._observation(), self._info()

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply an action for 0.1 s.

        Raises:
            ValueError: the action is not one finite value.

        """
        command = self.robot.safe_command
        command[self._vertical] = np.asarray(action, np.float64).reshape(1)[0]
        self.advance(command)
        self._decision += 1
        applied = float(np.clip(command[self._vertical], -1.0, 1.0))
        info = self._info()
        error = abs(info["setpoint"] - info["altitude"])
        reward = -error - ACTION_PRICE * abs(applied - self._action)
        self._action = applied
        self.show()
        return self._observation(), reward, False, False, info

    def _setpoint(self) -> float:
        return self._setpoints[min(self._decision // self._hold, len(self._setpoints) - 1)]

    def _altimeter(self) -> RangeReading:
        reading = self.robot.read("altitude")
        if not isinstance(reading, RangeReading):
            raise TypeError(f"the sensor 'altitude' gives {type(reading).__name__}, not a range")
        return reading

    def _observation(self) -> Observation:
        reading = self._altimeter()
        distance = min(max(reading.distance, reading.min_range), reading.max_range)
        return np.array([distance, self._setpoint()], np.float32)

    def _info(self) -> dict[str, Any]:
        time_s = self._decision * DECISION_S
        return {**self.robot.truth(), "setpoint": self._setpoint(), "time_s": time_s}


class BlimpAltitudeEnv(AltitudeEnv):
    """`AltitudeEnv` with the MuJoCo blimp; keywords beside its own are those of `BlimpConfig`."""

    def __init__(
        self,
        render_mode: str | None = None,
        setpoints: Sequence[float] | None = None,
        hold_s: float = 25.0,
        width: int = 320,
        height: int = 240,
        **config: Any,
    ) -> None:
        """Build the blimp; pictures have `width` x `height` pixels.

        Raises:
            ParameterError: a keyword that `BlimpConfig` doesn't have, or a bad value.

        """
        # The controller's only sensor; without the others a decision takes half the time.
        blimp = Blimp(build_config(BlimpConfig, config), SENSORS[:1])
        super().__init__(blimp, setpoints, hold_s, render_mode)
        self._picture = BlimpPicture(blimp, width, height)

    def picture(self) -> NDArray[np.uint8]:
        """The blimp from the side, (height, width, 3) RGB, with its set-point as a bar."""
        return self._picture.draw(self._setpoint())

    def close(self) -> None:
        """Free the renderer and close the window."""
        self._picture.close()
        super().close()


class IdentifiedBlimpAltitudeEnv(AltitudeEnv):
    """`AltitudeEnv` with the identified plant; further keywords as `IdentifiedBlimpConfig`.

    Its picture is a height beside its set-point: the plant has nothing else.
    """

    def __init__(
        self,
        render_mode: str | None = None,
        setpoints: Sequence[float] | None = None,
        hold_s: float = 25.0,
        **config: Any,
    ) -> None:
        """Build the plant.

        Raises:
            ParameterError: a keyword that `IdentifiedBlimpConfig` doesn't have, or a bad value.

        """
        plant = IdentifiedBlimp(build_config(IdentifiedBlimpConfig, config))
        super().__init__(plant, setpoints, hold_s, render_mode)

    def picture(self) -> NDArray[np.uint8]:
        """Height as a bar and set-point as a line, (240, 320, 3) RGB."""
        return height_picture(self.robot.truth()["altitude"], self._setpoint())


def _draw_setpoints(random: np.random.Generator) -> tuple[float, ...]:
    drawn = [float(random.uniform(SETPOINT_LOW_M, SETPOINT_HIGH_M))]
    while len(drawn) < SETPOINTS:
        candidate = float(random.uniform(SETPOINT_LOW_M, SETPOINT_HIGH_M))
        if abs(candidate - drawn[-1]) >= STEP_LEAST_M:
            drawn.append(candidate)
    return tuple(drawn)
