"""The plants for which a controller can be made and measured, one axis each.

Each is a Gymnasium environment that is given a command within -1 and 1 and shows (measurement,
set-point). Their equations stand in the environments: the blimp's and the differential drive's
motions are MuJoCo's, the quadrotor's those of `spikeloop_sim.quadrotor`. Figures are those of
`spikeloop.metrics.step_response`, which are meant for m and for the pace of a blimp's altitude:
other plants are measured in a unit and a pace of their own (`scale`, `pace`), and what is told is
in rad, m or m/s, and in s.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium
import numpy as np

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.pid import Pid
from spikeloop.installed import weights_file
from spikeloop.metrics.step_response import Flight, TrackingMetrics, tracking_metrics
from spikeloop.parameters import suggestion

ALTITUDES = ("blimp", "identified_blimp")
"""Those that have a compiled model, on which networks can be evolved."""


@dataclass(frozen=True)
class Axis:
    """One of the plants.

    Attributes:
        name: by which it is called.
        environment: ID of its Gymnasium environment.
        text: what is moved, in a few words.
        unit: of measurement and set-point.
        reach: larger errors need not be told apart, in that unit.
        scale: what counts as much as 1 m of altitude, in that unit.
        pace: how long takes what lasts 1 s for altitude, s.
        period_s: of a decision.
        truth: name of the true value in the environment's info.
        finest: what one spike may change the command, where the network is finest: where a command
            of 1 moves the plant by many times what is told apart, it must be little.

    """

    name: str
    environment: str
    text: str
    unit: str
    reach: float
    scale: float = 1.0
    pace: float = 1.0
    period_s: float = 0.1
    truth: str = "value"
    finest: float = 0.02


def _id(name: str) -> str:
    return f"spikeloop_sim:spikeloop/{name}-v0"


AXES = {
    axis.name: axis
    for axis in (
        Axis("blimp", _id("BlimpAltitude"), "altitude of the MuJoCo blimp", "m", 2.5,
             truth="altitude"),
        Axis("identified_blimp", _id("IdentifiedBlimpAltitude"),
             "altitude of a blimp that was identified in flight", "m", 2.5, truth="altitude"),
        Axis("blimp_heading", _id("BlimpHeading"), "heading of the MuJoCo blimp", "rad", 3.2),
        Axis("blimp_forward", _id("BlimpForward"), "way ahead of the MuJoCo blimp", "m", 6.0, 2.0),
        Axis("diff_drive_heading", _id("DiffDriveHeading"), "heading of the differential drive",
             "rad", 3.2, pace=0.4),
        Axis("diff_drive_speed", _id("DiffDriveSpeed"), "speed of the differential drive", "m/s",
             1.5, 0.2, 0.4, finest=0.001),
        Axis("quadrotor_roll", _id("QuadrotorRoll"), "roll of a quadrotor", "rad", 1.6, 0.3, 0.1,
             0.01),
        Axis("quadrotor_pitch", _id("QuadrotorPitch"), "pitch of a quadrotor", "rad", 1.6, 0.3, 0.1,
             0.01),
    )
}  # fmt: skip
"""Plants by name."""

Decide = Callable[[float, float], float]
"""From set-point and measurement to the command."""


def axis_of(name: str) -> Axis:
    """A plant by name.

    Raises:
        ValueError: there is none; the message names the nearest.

    """
    if name not in AXES:
        raise ValueError(
            f"unknown plant '{name}'{suggestion(name, AXES)}; there are: {', '.join(AXES)}"
        )
    return AXES[name]


def own_gains(name: str) -> PidConfig:
    """The frozen PID of a plant, from its file in weights/."""
    path = weights_file(f"pid_{name}", ".json")
    return PidConfig(**json.loads(path.read_text(encoding="utf-8"))["gains"])


def fly_axis(axis: Axis, environment: gymnasium.Env[Any, Any], decide: Decide, seed: int) -> Flight:
    """One episode, in the plant's own units; `decide` must come without history."""
    observation, info = environment.reset(seed=seed)
    rows, done = [], False
    while not done:
        action = decide(float(observation[1]), float(observation[0]))
        rows.append((info["time_s"], info["setpoint"], info[axis.truth], action))
        observation, _, terminated, truncated, info = environment.step(
            np.array([action], np.float32)
        )
        done = terminated or truncated
    return Flight(*np.array(rows).T)


def scaled_metrics(axis: Axis, flights: Sequence[Flight]) -> TrackingMetrics:
    """Figures in the unit and pace of a blimp's altitude, so that one cost serves all plants."""
    alike = [
        Flight(
            np.round(flight.time_s / axis.pace, 6),
            flight.setpoint_m / axis.scale,
            flight.altitude_m / axis.scale,
            flight.command,
        )
        for flight in flights
    ]
    return tracking_metrics(alike)


def axis_metrics(axis: Axis, flights: Sequence[Flight]) -> TrackingMetrics:
    """Figures in the plant's own units."""
    return own_units(axis, scaled_metrics(axis, flights))


def own_units(axis: Axis, found: TrackingMetrics) -> TrackingMetrics:
    """Figures of `scaled_metrics` in the plant's unit and pace."""
    return replace(
        found,
        mae_m=found.mae_m * axis.scale,
        settling_s=found.settling_s * axis.pace,
        steady_m=found.steady_m * axis.scale,
    )


def fly_pid_axis(axis: Axis, gains: PidConfig, seeds: Sequence[int]) -> list[Flight]:
    """One episode under the PID for each seed."""
    environment = gymnasium.make(axis.environment)
    flights = []
    for seed in seeds:
        pid = Pid(gains)
        flights.append(
            fly_axis(
                axis,
                environment,
                lambda setpoint, seen, pid=pid: pid.update(setpoint, seen, gains.period),  # type: ignore[misc]
                seed,
            )
        )
    environment.close()
    return flights
