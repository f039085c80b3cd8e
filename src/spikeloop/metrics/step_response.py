"""How well a controller follows steps of its set-point.

By these definitions spiking and conventional controllers are compared. Errors are those of the
true altitude. Means are pooled over all steps of all episodes before any ratio is formed: a mean
of ratios breaks down where the reference doesn't overshoot at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

ERROR_FROM_S = 12.0
OVERSHOOT_WINDOW_S = 15.0
SETTLING_BAND = 0.1
SETTLING_BAND_LEAST_M = 0.1
SETTLING_HOLD_S = 3.0
STEADY_WINDOW_S = 8.0

OVERSHOOT_FLOOR_PCT = 2.0
STEADY_FLOOR_M = 0.01

_TIME_TOLERANCE_S = 1e-6


@dataclass(frozen=True)
class Step:
    """A stretch of constant set-point, as a half-open range of samples.

    Attributes:
        first: index of the first sample with this set-point.
        end: index after its last sample.
        target: the set-point, m.
        size: how far the target lies from where the stretch began, m, signed.

    """

    first: int
    end: int
    target: float
    size: float


@dataclass(frozen=True)
class StepResponse:
    """Figures of one step.

    Attributes:
        mae_m: mean absolute error from 12 s after the step to its end, m.
        overshoot_pct: farthest beyond the set-point in the first 15 s, % of the step, at least 0.
        settling_s: time to the first entry into max(10 % of the step, 0.1 m) that holds for 3 s;
            the length of the stretch where that never happens, s.
        steady_m: absolute value of the mean error over the last 8 s, m.

    """

    mae_m: float
    overshoot_pct: float
    settling_s: float
    steady_m: float


@dataclass(frozen=True)
class TrackingMetrics:
    """Means over all steps (first four, as in `StepResponse`) and all decisions (activity).

    Attributes:
        mae_m: m.
        overshoot_pct: % of the step.
        settling_s: s.
        steady_m: m.
        activity: mean |u_k - u_(k-1)| of the normalised command a decision.

    """

    mae_m: float
    overshoot_pct: float
    settling_s: float
    steady_m: float
    activity: float


@dataclass(frozen=True)
class Flight:
    """One recorded episode, a sample a decision.

    Attributes:
        time_s: (n,) rising, s.
        setpoint_m: (n,) m.
        altitude_m: (n,) true altitude, m.
        command: (n,) normalised command.

    """

    time_s: NDArray[np.float64]
    setpoint_m: NDArray[np.float64]
    altitude_m: NDArray[np.float64]
    command: NDArray[np.float64]


def find_steps(
    setpoint_m: NDArray[np.float64], altitude_m: NDArray[np.float64]
) -> tuple[Step, ...]:
    """Split a flight at the changes of its set-point.

    Returns:
        The stretches in order. The size of the first counts from the altitude at the start, that
        of each other one from the set-point before.

    Raises:
        ValueError: the series are empty, of unequal length, or not finite.

    """
    _check_series(setpoint=setpoint_m, altitude=altitude_m)
    first = [0, *(np.flatnonzero(np.diff(setpoint_m)) + 1).tolist()]
    end = [*first[1:], len(setpoint_m)]
    targets = [float(setpoint_m[index]) for index in first]
    origins = [float(altitude_m[0]), *targets[:-1]]
    return tuple(
        Step(begin, stop, target, target - origin)
        for begin, stop, target, origin in zip(first, end, targets, origins, strict=True)
    )


def entry_time(
    time_s: NDArray[np.float64], error_m: NDArray[np.float64], band_m: float, hold_s: float
) -> float | None:
    """When the error first enters a band and then stays in it for a while.

    Args:
        time_s: (n,) s.
        error_m: (n,) m.
        band_m: the band is |error| <= band_m.
        hold_s: for how long it must stay, s; the record must cover that time.

    Returns:
        The time from the first sample to the entry, s, or None if that never happens.

    """
    inside = np.abs(error_m) <= band_m
    edges = np.diff(np.concatenate(([False], inside, [False])).astype(np.int8))
    for begin, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        if time_s[end - 1] - time_s[begin] >= hold_s - _TIME_TOLERANCE_S:
            return float(time_s[begin] - time_s[0])
    return None


def overshoot(error_m: NDArray[np.float64], step_m: float) -> float:
    """How far beyond its target a step went, in % of the step, at least 0.

    Args:
        error_m: (n,) set-point minus altitude after the step, m.
        step_m: signed size of the step, m, not 0.

    """
    beyond = float(np.max(-np.sign(step_m) * error_m))
    return max(0.0, 100.0 * beyond / abs(step_m))


def step_response(
    time_s: NDArray[np.float64],
    setpoint_m: NDArray[np.float64],
    altitude_m: NDArray[np.float64],
    step: Step,
) -> StepResponse:
    """Figures of one step of a flight.

    Raises:
        ValueError: the stretch ends before the error counts (12 s), or its step is 0.

    """
    since = time_s[step.first : step.end] - time_s[step.first]
    error = setpoint_m[step.first : step.end] - altitude_m[step.first : step.end]
    if since[-1] < ERROR_FROM_S:
        raise ValueError(
            f"the step at {time_s[step.first]:g} s lasts {since[-1]:g} s; "
            f"its error counts only from {ERROR_FROM_S:g} s on"
        )
    if step.size == 0.0:
        raise ValueError(f"the step at {time_s[step.first]:g} s is 0 m: it has no overshoot")
    late = since >= ERROR_FROM_S - _TIME_TOLERANCE_S
    early = since <= OVERSHOOT_WINDOW_S + _TIME_TOLERANCE_S
    steady = since >= since[-1] - STEADY_WINDOW_S - _TIME_TOLERANCE_S
    band = max(SETTLING_BAND * abs(step.size), SETTLING_BAND_LEAST_M)
    entered = entry_time(since, error, band, SETTLING_HOLD_S)
    return StepResponse(
        mae_m=float(np.mean(np.abs(error[late]))),
        overshoot_pct=overshoot(error[early], step.size),
        settling_s=float(since[-1]) if entered is None else entered,
        steady_m=abs(float(np.mean(error[steady]))),
    )


def tracking_metrics(flights: Sequence[Flight]) -> TrackingMetrics:
    """Pool the figures of all steps of all flights.

    The opening stretch of a flight is left out: there the vehicle is released, which is no step.

    Raises:
        ValueError: no flight has a step, a step is too short to be judged, or a series is not
            finite or of the wrong length.

    """
    responses = []
    moved = 0.0
    decisions = 0
    for flight in flights:
        _check_series(time=flight.time_s, setpoint=flight.setpoint_m, command=flight.command)
        for step in find_steps(flight.setpoint_m, flight.altitude_m)[1:]:
            responses.append(
                step_response(flight.time_s, flight.setpoint_m, flight.altitude_m, step)
            )
        moved += float(np.sum(np.abs(np.diff(flight.command))))
        decisions += len(flight.command) - 1
    if not responses:
        raise ValueError("no flight has a change of set-point, so there is no step to judge")
    means = {
        field.name: float(np.mean([getattr(response, field.name) for response in responses]))
        for field in fields(StepResponse)
    }
    return TrackingMetrics(**means, activity=moved / decisions)


def metric_ratios(candidate: TrackingMetrics, reference: TrackingMetrics) -> dict[str, float]:
    """Pooled means of a candidate over those of the reference, 1 where they are equal.

    The reference's overshoot counts as at least 2 %, its steady-state error as at least 1 cm:
    below that a ratio says nothing.

    Returns:
        mae_ratio, overshoot_ratio, settling_ratio, steady_ratio, effort_ratio.

    """
    return {
        "mae_ratio": candidate.mae_m / reference.mae_m,
        "overshoot_ratio": candidate.overshoot_pct
        / max(reference.overshoot_pct, OVERSHOOT_FLOOR_PCT),
        "settling_ratio": candidate.settling_s / reference.settling_s,
        "steady_ratio": candidate.steady_m / max(reference.steady_m, STEADY_FLOOR_M),
        "effort_ratio": candidate.activity / reference.activity,
    }


def _check_series(**series: NDArray[np.float64]) -> None:
    shapes = {name: values.shape for name, values in series.items()}
    if len(set(shapes.values())) != 1 or any(
        len(shape) != 1 or shape[0] == 0 for shape in shapes.values()
    ):
        raise ValueError(f"the series must have one length, at least 1: {shapes}")
    for name, values in series.items():
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise ValueError(f"{name} is {values[bad[0]]} at index {bad[0]}; it must be finite")
