"""Observations from the robot's own simulated event camera."""

from __future__ import annotations

from typing import Any

import gymnasium

from spikeloop.events.array import Events, joined
from spikeloop_sim.robot import EventsReading
from spikeloop_sim.robot_env import RobotEnv
from spikeloop_sim.wrappers.tensors import EventTensor

TOPIC = "event_camera/events"


class EventCameraObservation(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Adds the events since the last decision to the observation.

    Observation: Dict with `state`, the environment's own, and `events`, see `EventTensor`. The
    first observation of an episode has no events, for nothing has moved.

    The robot must have an event camera, which the keyword `event_camera=True` gives it.
    """

    def __init__(
        self, environment: gymnasium.Env[Any, Any], form: str = "voxel_grid", bins: int = 5
    ) -> None:
        """Wrap an environment of this package.

        Args:
            environment: a `RobotEnv`, or wrapped ones around it.
            form: "voxel_grid" or "histogram".
            bins: of a voxel grid.

        Raises:
            ValueError: the robot has no event camera, or the form is unknown.

        """
        super().__init__(environment)
        plain = environment.unwrapped
        if not isinstance(plain, RobotEnv):
            raise ValueError(
                f"{environment} is none of this package's; PictureEventObservation takes events "
                "from the pictures of any environment"
            )
        specs = {spec.topic: spec for spec in plain.robot.sensors}
        if TOPIC not in specs:
            raise ValueError(f"the robot of {environment} has no event camera (event_camera=True)")
        config = plain.robot.config  # type: ignore[attr-defined]
        self._size = (config.event_width, config.event_height)
        self._tensor = EventTensor(form, bins, *self._size)
        self._robot, self._period = plain.robot, specs[TOPIC].period_ticks
        self._ticks = self._begin_us = 0
        self._tick_us = round(1e6 * plain.robot.tick_s)
        self._pieces: list[Events] = []
        plain.listeners.append(self._gather)
        self.observation_space = gymnasium.spaces.Dict(
            {"state": environment.observation_space, "events": self._tensor.space}
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode."""
        state, info = self.env.reset(seed=seed, options=options)
        self._ticks = self._begin_us = 0
        self._pieces.clear()
        return self._observation(state), info

    def step(self, action: Any) -> tuple[dict[str, Any], Any, bool, bool, dict[str, Any]]:
        """One decision."""
        state, reward, terminated, truncated, info = self.env.step(action)
        return self._observation(state), reward, terminated, truncated, info

    def _gather(self) -> None:
        self._ticks += 1
        if self._ticks % self._period == 0:
            reading = self._robot.read(TOPIC)
            assert isinstance(reading, EventsReading)
            self._pieces.append(reading.events)

    def _observation(self, state: Any) -> dict[str, Any]:
        events = joined([Events.none(*self._size), *self._pieces])
        end_us = self._ticks * self._tick_us
        tensor = self._tensor(events, self._begin_us, end_us)
        self._begin_us = end_us
        self._pieces.clear()
        return {"state": state, "events": tensor}
