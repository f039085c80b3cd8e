"""Flies a controller on the plants that controllers are compared on, and measures the flights.

A plant is a Gymnasium environment whose observation is (altimeter m, set-point m) and whose one
action is the normalised thrust, a decision each 0.1 s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gymnasium
import numpy as np

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.pid import Pid
from spikeloop.metrics.step_response import Flight

PLANTS = {
    "blimp": "spikeloop_sim:spikeloop/BlimpAltitude-v0",
    "identified_blimp": "spikeloop_sim:spikeloop/IdentifiedBlimpAltitude-v0",
}

Decide = Callable[[float, float], float]
"""From set-point and measurement, m, to the normalised command."""


def fly(environment: gymnasium.Env[Any, Any], decide: Decide, seed: int) -> Flight:
    """One episode; `decide` must come without history."""
    observation, info = environment.reset(seed=seed)
    rows, done = [], False
    while not done:
        action = decide(float(observation[1]), float(observation[0]))
        rows.append((info["time_s"], info["setpoint"], info["altitude"], action))
        observation, _, terminated, truncated, info = environment.step(
            np.array([action], np.float32)
        )
        done = terminated or truncated
    return Flight(*np.array(rows).T)


def fly_pid(environment_id: str, config: PidConfig, seeds: Sequence[int]) -> list[Flight]:
    """One episode under the PID for each seed."""
    environment = gymnasium.make(environment_id)
    flights = []
    for seed in seeds:
        pid = Pid(config)
        flights.append(fly(environment, partial(pid.update, dt=config.period), seed))
    environment.close()
    return flights
