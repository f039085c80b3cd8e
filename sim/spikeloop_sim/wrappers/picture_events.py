"""Events from the pictures of any environment that can be drawn: quick, and far from a sensor."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop_sim.wrappers.tensors import EventTensor

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
DARK = 4.0
"""Grey level that is added before the logarithm, so that black isn't endless."""
MOST_A_PIXEL = 50


class PictureEventObservation(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Makes events of the change between two pictures the observation.

    An event for each step of `threshold` in the logarithm of the grey value, linear in time from
    one picture to the next: no noise, no limits, no motion between the pictures. For what a real
    sensor would see use `EventCameraObservation`.

    Observation: Dict with `state`, the environment's own, and `events`, see `EventTensor`.
    """

    def __init__(
        self,
        environment: gymnasium.Env[Any, Any],
        form: str = "voxel_grid",
        bins: int = 5,
        threshold: float = 0.2,
    ) -> None:
        """Wrap an environment made with render_mode "rgb_array".

        Args:
            environment: any.
            form: "voxel_grid" or "histogram".
            bins: of a voxel grid.
            threshold: of the logarithm.

        Raises:
            ValueError: another render mode, an unknown form, or no positive threshold.

        """
        super().__init__(environment)
        if environment.render_mode != "rgb_array":
            raise ValueError(
                f"{environment} must be made with render_mode='rgb_array', not "
                f"{environment.render_mode!r}"
            )
        if not threshold > 0.0:
            raise ValueError(f"threshold must be above 0, not {threshold}")
        self._threshold = threshold
        rate = float(environment.metadata.get("render_fps") or 30.0)
        self._period_us = round(1e6 / rate)
        self._form, self._bins = form, bins
        environment.reset(seed=0)
        height, width = self._log_picture().shape
        self._tensor = EventTensor(form, bins, width, height)
        self.observation_space = gymnasium.spaces.Dict(
            {"state": environment.observation_space, "events": self._tensor.space}
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode; there are no events yet."""
        state, info = self.env.reset(seed=seed, options=options)
        self._level = self._log_picture()
        return {"state": state, "events": np.zeros(self._tensor.space.shape, np.float32)}, info

    def step(self, action: Any) -> tuple[dict[str, Any], Any, bool, bool, dict[str, Any]]:
        """One step of the environment, and the events of it."""
        state, reward, terminated, truncated, info = self.env.step(action)
        now = self._log_picture()
        events, self._level = changes(self._level, now, self._threshold, self._period_us)
        tensor = self._tensor(events, 0, self._period_us)
        return {"state": state, "events": tensor}, reward, terminated, truncated, info

    def _log_picture(self) -> NDArray[np.float32]:
        drawn = self.env.render()
        logarithm: NDArray[np.float32] = np.log(np.asarray(drawn, np.float32) @ _LUMA + DARK)
        return logarithm


def changes(
    level: NDArray[np.float32], now: NDArray[np.float32], threshold: float, period_us: int
) -> tuple[Events, NDArray[np.float32]]:
    """Events of a change, and the levels at which the pixels stand after them.

    Args:
        level: (height, width) logarithm at which each pixel fired last.
        now: the new one.
        threshold: step for an event.
        period_us: time between the two, us; the change is linear in it.

    Returns:
        Events in order of time, from 0 to `period_us`, and the new levels.

    """
    height, width = now.shape
    change = now - level
    count = np.minimum(np.floor(np.abs(change) / threshold), MOST_A_PIXEL).astype(np.int64)
    y, x = np.nonzero(count)
    each = count[y, x]
    index = np.repeat(np.arange(len(each)), each)
    nth = np.arange(len(index)) - np.repeat(np.cumsum(each) - each, each) + 1
    size = np.abs(change[y, x])[index]
    t = np.floor(nth * threshold / size * period_us).astype(np.int64)
    p = (change[y, x] > 0).astype(np.uint8)[index]
    order = np.argsort(t, kind="stable")
    columns, rows = x[index].astype(np.uint16), y[index].astype(np.uint16)
    events = Events(t[order], columns[order], rows[order], p[order], width, height)
    return events, level + np.sign(change) * (count * np.float32(threshold)).astype(np.float32)
