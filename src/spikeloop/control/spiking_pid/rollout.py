"""Flies many spiking controllers over many sequences at once, compiled.

The controller's tick is the one that the node runs, so a batched flight equals a single one bit
for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikeloop.control.pid.plants import (
    DECISION_S,
    DECISIONS,
    HOLD_DECISIONS,
    SETPOINTS,
    STATE,
    SUBSTEPS,
    Plant,
    Sequences,
    advance,
    measure,
    start,
)
from spikeloop.control.spiking_pid.network import NETWORKS, PAIRS, STATE_ROWS, decide, tick
from spikeloop.metrics.step_response import (
    ERROR_FROM_S,
    OVERSHOOT_WINDOW_S,
    SETTLING_BAND,
    SETTLING_BAND_LEAST_M,
    SETTLING_HOLD_S,
    STEADY_WINDOW_S,
    Flight,
)

Floats = NDArray[np.float64]
FIGURES = ("mae", "overshoot", "settling", "steady", "activity", "release")
"""The first five as in `TrackingMetrics`; release is the mean absolute error from 12 s on of the
opening stretch, which is no step, but must not be forgotten."""
SMOOTHING = 4
"""Spikes quantise an output, so outputs are compared after a moving average of this many."""


def _decisions(seconds: float) -> int:
    return round(seconds / DECISION_S)


_LATE, _EARLY = _decisions(ERROR_FROM_S), _decisions(OVERSHOOT_WINDOW_S)
_HOLD, _STEADY = _decisions(SETTLING_HOLD_S), _decisions(STEADY_WINDOW_S)


@njit()
def judge(setpoint, altitude, command, figures):  # type: ignore[no-untyped-def]
    """Add one flight's `FIGURES`, each a mean.

    As `spikeloop.metrics.step_response` has it, for the one schedule of these sequences.
    """
    steps = SETPOINTS - 1
    for n in range(1, SETPOINTS):
        first, end = n * HOLD_DECISIONS, (n + 1) * HOLD_DECISIONS
        target, size = setpoint[first], setpoint[first] - setpoint[first - 1]
        mae, beyond, steady = 0.0, 0.0, 0.0
        band = max(SETTLING_BAND * abs(size), SETTLING_BAND_LEAST_M)
        inside, entered = 0, -1
        for t in range(first, end):
            error = target - altitude[t]
            if t - first >= _LATE:
                mae += abs(error)
            if t - first <= _EARLY:
                beyond = max(beyond, -error if size > 0.0 else error)
            if t >= end - 1 - _STEADY:
                steady += error
            inside = inside + 1 if abs(error) <= band else 0
            if entered < 0 and inside > _HOLD:
                entered = t - first - _HOLD
        settling = (entered if entered >= 0 else HOLD_DECISIONS - 1) * DECISION_S
        figures[0] += mae / (HOLD_DECISIONS - _LATE) / steps
        figures[1] += 100.0 * beyond / abs(size) / steps
        figures[2] += settling / steps
        figures[3] += abs(steady) / (_STEADY + 1) / steps
    for t in range(_LATE, HOLD_DECISIONS):
        figures[5] += abs(setpoint[0] - altitude[t]) / (HOLD_DECISIONS - _LATE)
    moved = 0.0
    for t in range(1, command.shape[0]):
        moved += abs(command[t] - command[t - 1])
    figures[4] += moved / (command.shape[0] - 1)


@njit(nogil=True)
def _fly_batch(  # type: ignore[no-untyped-def]
    pairs,
    leaks,
    alive,
    is_blimp,
    constants,
    shapes,
    setpoint,
    offset,
    noise,
    air,
    figures,
    altitudes,
):
    flights = setpoint.shape[0]
    net = np.empty(len(NETWORKS) * STATE_ROWS * PAIRS)
    output = np.empty(len(NETWORKS))
    state = np.empty(STATE)
    altitude, command = np.empty(DECISIONS), np.empty(DECISIONS)
    for n in range(pairs.shape[0]):
        figures[n, :] = 0.0
        for s in range(flights):
            net[:] = 0.0
            output[:] = 0.0
            start(is_blimp, constants, state)
            for t in range(DECISIONS):
                seen = measure(is_blimp, constants, state, noise[s, t])
                u = decide(pairs[n], leaks[n], alive[s], net, output, setpoint[s, t] - seen)
                u = min(max(u, -1.0), 1.0)
                altitude[t], command[t] = state[0], u
                advance(is_blimp, constants, shapes, state, u, offset[s], air[s], t * SUBSTEPS)
            judge(setpoint[s], altitude, command, figures[n])
            if altitudes.shape[0]:
                altitudes[n, s] = altitude
        figures[n] /= flights


def fly_batch(
    pairs: Floats,
    leaks: Floats,
    plant: Plant,
    sequences: Sequences,
    workers: int = 1,
    alive: Floats | None = None,
    altitudes: Floats | None = None,
) -> Floats:
    """Pooled figures of each controller over all sequences.

    Args:
        pairs: (n, 2, 14, 20), see `Weights`.
        leaks: (n, 2).
        plant: what is flown.
        sequences: the same for all.
        workers: threads; the result doesn't depend on them.
        alive: (sequences, 2, 4, 20), 0 for a neuron that never fires in that sequence; all live
            where None.
        altitudes: (n, sequences, 1000) takes the altitudes, m, if given.

    Returns:
        (n, 6), see `FIGURES`; m, %, s, m, change of command a decision, m.

    """
    count = len(pairs)
    figures = np.empty((count, len(FIGURES)))
    kept = np.empty((0, 0, 0)) if altitudes is None else altitudes
    if alive is None:
        alive = np.ones((len(sequences.offset), len(NETWORKS), 4, PAIRS))
    alive = alive.reshape(len(alive), -1)
    flat = pairs.reshape(count, -1)

    def part(chosen: slice) -> None:
        _fly_batch(
            flat[chosen],
            leaks[chosen],
            alive,
            plant.is_blimp,
            plant.constants,
            plant.shapes,
            sequences.setpoint_m,
            sequences.offset,
            sequences.noise_m,
            sequences.air,
            figures[chosen],
            kept[chosen],
        )

    _spread(part, count, workers)
    return figures


def _spread(part: Callable[[slice], None], count: int, workers: int) -> None:
    edges = np.linspace(0, count, min(workers, count) + 1).astype(int).tolist()
    slices = [slice(begin, end) for begin, end in pairwise(edges)]
    if len(slices) == 1:
        part(slices[0])
        return
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(part, slices))


@njit(nogil=True)
def _imitate(pairs, leaks, errors, wanted, loss):  # type: ignore[no-untyped-def]
    alive = np.ones(4 * PAIRS)
    net, output = np.empty(STATE_ROWS * PAIRS), np.empty(1)
    window = np.empty(SMOOTHING)
    for n in range(pairs.shape[0]):
        total = 0.0
        for s in range(errors.shape[0]):
            net[:] = 0.0
            output[:] = 0.0
            window[:] = 0.0
            mean = 0.0
            for t in range(errors.shape[1]):
                u = tick(pairs[n], leaks[n : n + 1], alive, net, output, 0, errors[s, t])
                difference = min(max(u, -1.0), 1.0) - wanted[s, t]
                mean += (difference - window[t % SMOOTHING]) / SMOOTHING
                window[t % SMOOTHING] = difference
                total += mean * mean
        loss[n] = total / errors.size


def imitation_loss(
    pairs: Floats, leaks: Floats, errors: Floats, wanted: Floats, workers: int = 1
) -> Floats:
    """How far single networks are from a wanted output, fed with recorded errors.

    Args:
        pairs: (n, 14, 20).
        leaks: (n,).
        errors: (sequences, decisions) m.
        wanted: the same shape, as commands.
        workers: threads.

    Returns:
        (n,) mean squared difference after a moving average of `SMOOTHING` decisions.

    """
    loss = np.empty(len(pairs))
    flat = pairs.reshape(len(pairs), -1)

    def part(chosen: slice) -> None:
        _imitate(flat[chosen], leaks[chosen], errors, wanted, loss[chosen])

    _spread(part, len(pairs), workers)
    return loss


def pooled(flights: Sequence[Flight]) -> Floats:
    """`FIGURES` of flights on such sequences, pooled, (6,)."""
    figures = np.zeros(len(FIGURES))
    for flight in flights:
        judge(flight.setpoint_m, flight.altitude_m, flight.command, figures)
    return figures / len(flights)
