"""What the environments of this package share: a robot that is stepped, and pictures of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.robot import Robot
from spikeloop_sim.window import Window

DECISION_S = 0.1
RENDER_MODES = ["human", "rgb_array"]

Observation = NDArray[np.float32]
Action = NDArray[np.float32]


class RobotEnv(gymnasium.Env[Observation, Action]):
    """A robot as environment; one action lasts 0.1 s, many ticks of the robot.

    Subclasses give spaces, `reset` and `step`, and `picture`; they call `show` at the end of
    `reset` and `step`, and move the robot by `advance` alone.

    Attributes:
        robot: stepped by this environment alone.
        listeners: called after each tick, for wrappers that gather what the robot's fast sensors
            read.

    """

    metadata: dict[str, Any] = {"render_modes": RENDER_MODES, "render_fps": 10}

    def __init__(self, robot: Robot, render_mode: str | None = None) -> None:
        """Wrap a robot.

        Raises:
            ValueError: an unknown render mode.

        """
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise ValueError(
                f"render_mode must be one of {', '.join(RENDER_MODES)}, not '{render_mode}'"
            )
        self.robot = robot
        self.render_mode = render_mode
        self.listeners: list[Callable[[], None]] = []
        self._ticks = round(DECISION_S / robot.tick_s)
        self._window: Window | None = None

    def picture(self) -> NDArray[np.uint8]:
        """What it looks like now, (height, width, 3) RGB."""
        raise NotImplementedError

    def advance(self, command: NDArray[np.float64]) -> None:
        """Apply a command of the robot for 0.1 s."""
        for _ in range(self._ticks):
            self.robot.step(command)
            for listener in self.listeners:
                listener()

    def render(self) -> NDArray[np.uint8] | None:
        """The picture for "rgb_array"; for "human" it is shown in a window instead."""
        if self.render_mode == "rgb_array":
            return self.picture()
        if self.render_mode == "human":
            self.show()
        return None

    def show(self) -> None:
        """Bring the window up to date, for "human" only."""
        if self.render_mode != "human":
            return
        picture = self.picture()
        if self._window is None:
            title = self.spec.id if self.spec else type(self).__name__
            self._window = Window(title, picture.shape[1], picture.shape[0])
        self._window.draw(picture)

    def close(self) -> None:
        """Close the window."""
        if self._window is not None:
            self._window.close()
            self._window = None
