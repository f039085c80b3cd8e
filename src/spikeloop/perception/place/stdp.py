"""Place recognition by a population that learns pictures by spike timing (VPRSNN).

Hussaini, Milford and Fischer, "Spiking Neural Networks for Visual Place Recognition via Weighted
Neuronal Assignments", RA-L 2022 (arXiv 2109.06452), section III, after Diehl and Cook 2015. Pixels
spike as Poisson processes; each excitatory neuron drives an inhibitory one, which silences all
others; what an excitatory neuron fires for is learned by triplet STDP with adaptive thresholds.

The simulation is clock-driven by forward Euler with the published constants, also those that the
published program has and the paper doesn't: a neuron's timer runs at a tenth of time and must pass
5 ms, so it can't fire again for 50 ms; the early spike of a triplet adds to a weight. Arrivals at
synapses are grouped by delay in advance, so a spike costs its own synapses and nothing else; while
weights don't change, a spike is sent to all its delays at once, in the order of memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikeloop.perception.place.stdp_config import StdpConfig

REST_E, RESET_E, THRESHOLD_E = -65.0, -65.0, -52.0
REST_I, RESET_I, THRESHOLD_I = -60.0, -45.0, -40.0
REVERSAL_E, REVERSAL_IE, REVERSAL_II = 0.0, -100.0, -85.0
TAU_E, TAU_I, TAU_GE, TAU_GI = 100.0, 10.0, 1.0, 0.5
REFRACTORY_E, REFRACTORY_I, TIMER_E = 5.0, 2.0, 50.0
THETA_START, THETA_OFFSET, THETA_STEP, TAU_THETA = 20.0, 20.0, 0.05, 1e7
DELAY_MS, COLUMN_SUM = 10.0, 78.0
EXCITE, INHIBIT = 10.4, 17.0
RATE_PRE, RATE_POST = 1e-4, 0.01
TAU_PRE, TAU_POST_1, TAU_POST_2 = 20.0, 20.0, 40.0
FIRST_REST_MS = 500.0
LAST_MS = TIMER_E + 15.0
"""After the last arrival a neuron may still fire, once its conductance has faded and its timer run.
"""

Counts = NDArray[np.int32]
Targets = NDArray[np.int16]


@dataclass
class StdpModule:
    """A population: what it has learned, and how its synapses are delayed.

    Attributes:
        weights: (pixels, neurons) float32, 0 to 1.
        thresholds: (neurons,) float64, adaptive part of the thresholds, mV.
        groups: (pixels, delays + 1) int32, where the synapses of each delay begin in `targets`.
        targets: (pixels, neurons) int16, neurons in order of the delay of a pixel's spike.

    """

    weights: NDArray[np.float32]
    thresholds: NDArray[np.float64]
    groups: NDArray[np.int32]
    targets: NDArray[np.int16]

    @staticmethod
    def untrained(pixels: int, config: StdpConfig, seed: int) -> StdpModule:
        """Draw weights and delays."""
        random = np.random.default_rng((seed, 0))
        weights = 0.3 * (random.random((pixels, config.neurons)) + 0.01)
        steps = round(DELAY_MS / config.dt_ms)
        delays = np.rint(random.random((pixels, config.neurons)) * steps).astype(np.int32)
        targets = np.argsort(delays, axis=1, kind="stable").astype(np.int16)
        ordered = np.take_along_axis(delays, targets, axis=1)
        groups = np.stack([np.searchsorted(row, np.arange(steps + 2)) for row in ordered]).astype(
            np.int32
        )
        theta = np.full(config.neurons, THETA_START)
        return StdpModule(weights.astype(np.float32), theta, groups, targets)


def train_stdp(
    inputs: NDArray[np.float32],
    config: StdpConfig,
    seed: int,
    progress: Callable[[float], object] = lambda part: None,
) -> StdpModule:
    """Train one module.

    Args:
        inputs: (traversals, places, pixels) float32, 0 to 1.
        config: size and training.
        seed: fixes weights, delays, order and input spikes.
        progress: told which part of the work has been done since it was last told.

    """
    samples = inputs.reshape(-1, inputs.shape[-1])
    module = StdpModule.untrained(samples.shape[1], config, seed)
    random = np.random.default_rng((seed, 1))
    for _ in range(config.epochs):
        order = random.permutation(len(samples))
        _present(module, samples[order], config, int(random.integers(2**31)), True)
        progress(1.0 / config.epochs)
    return module


def responses(
    module: StdpModule, inputs: NDArray[np.float32], config: StdpConfig, seed: int
) -> Counts:
    """Spikes of each neuron for each picture, (n, neurons); nothing is learned.

    Each picture meets the network at rest, so its answer doesn't depend on those before it.
    """
    return _present(module, inputs, config, seed, False)


def drive_responses(
    module: StdpModule, inputs: NDArray[np.float32], active: int = 40
) -> NDArray[np.float32]:
    """What neurons would fire without being simulated: drive over threshold, the strongest few.

    The same weights as a rate network: (n, pixels) in, (n, neurons) out, zero but for the `active`
    most driven neurons.
    """
    # The margin over rest that a neuron needs: its base threshold and what adaptation added.
    needed = THRESHOLD_E - REST_E + module.thresholds - THETA_OFFSET
    drive = np.matmul(inputs, module.weights) / needed.astype(np.float32)
    count = min(active, drive.shape[1])
    floor = np.partition(drive, -count, axis=1)[:, -count, None]
    over: NDArray[np.float32] = np.maximum(drive - floor, np.float32(0.0))
    return over


def _present(
    module: StdpModule,
    samples: NDArray[np.float32],
    config: StdpConfig,
    seed: int,
    learn: bool,
) -> Counts:
    out: Counts = np.zeros((len(samples), config.neurons), np.int32)
    # Synapses whose spikes arrive together lie side by side.
    weights = np.take_along_axis(module.weights, module.targets.astype(np.int64), axis=1)
    # Nothing fires any more once the last spikes have arrived and faded.
    rest = config.rest_ms if learn else min(config.rest_ms, DELAY_MS + LAST_MS)
    _simulate(
        weights, module.thresholds, module.groups, module.targets,
        np.ascontiguousarray(samples, np.float32), config.dt_ms,
        round(config.stimulus_ms / config.dt_ms), round(rest / config.dt_ms),
        config.rate_hz, seed, learn, out,
    )  # fmt: skip
    if learn:
        np.put_along_axis(module.weights, module.targets.astype(np.int64), weights, axis=1)
    return out


@njit(cache=True)
def _rescale(weights: NDArray[np.float32], targets: Targets) -> None:
    """Bring each neuron's sum of weights back to its constant."""
    factor = np.zeros(weights.shape[1])
    for i in range(weights.shape[0]):
        for s in range(weights.shape[1]):
            factor[targets[i, s]] += weights[i, s]
    for j in range(weights.shape[1]):
        factor[j] = COLUMN_SUM / factor[j] if factor[j] > 0.0 else 1.0
    for i in range(weights.shape[0]):
        for s in range(weights.shape[1]):
            weights[i, s] *= np.float32(factor[targets[i, s]])


@njit(cache=True)
def _input_spikes(
    rates: NDArray[np.float32], steps: int, chance: float, spikes: Counts, ends: Counts
) -> None:
    """Draw Poisson spikes: pixels of step s lie in spikes[ends[s]:ends[s + 1]]."""
    ends[:] = 0
    # Counted first and placed second, from the same random numbers.
    drawn = np.empty(spikes.shape[0], np.int64)
    count = 0
    for i in range(rates.shape[0]):
        p = rates[i] * chance
        if p < 1e-12:
            # No spike in any time that matters, and the time to it must fit an integer.
            continue
        scale = 1.0 / np.log1p(-min(p, 0.999))
        step = int(np.log(1.0 - np.random.random()) * scale)
        while step < steps and count < drawn.shape[0]:
            drawn[count] = step * rates.shape[0] + i
            ends[step + 1] += 1
            count += 1
            step += 1 + int(np.log(1.0 - np.random.random()) * scale)
    for s in range(steps):
        ends[s + 1] += ends[s]
    place = ends[:-1].copy()
    for k in range(count):
        step = drawn[k] // rates.shape[0]
        spikes[place[step]] = drawn[k] % rates.shape[0]
        place[step] += 1


@njit(cache=True)
def _arrive(
    weights: NDArray[np.float32],
    groups: Counts,
    targets: Targets,
    pixel: int,
    delay: int,
    now: int,
    g_e: NDArray[np.float64],
    post_1: NDArray[np.float64],
    arrived: Counts,
) -> None:
    """A pixel's spike reaches the synapses of one delay, which learn from it."""
    for s in range(groups[pixel, delay], groups[pixel, delay + 1]):
        j = targets[pixel, s]
        g_e[j] += weights[pixel, s]
        weights[pixel, s] = min(weights[pixel, s] + np.float32(RATE_PRE * post_1[j]), 1.0)
        arrived[pixel, s] = now


@njit(cache=True)
def _send(
    weights: NDArray[np.float32],
    groups: Counts,
    targets: Targets,
    pixel: int,
    step: int,
    coming: NDArray[np.float64],
) -> None:
    """A pixel's spike is on its way to all its synapses: `coming` is a ring of the next steps."""
    slots = coming.shape[0]
    for delay in range(slots):
        slot = (step + delay) % slots
        for s in range(groups[pixel, delay], groups[pixel, delay + 1]):
            coming[slot, targets[pixel, s]] += weights[pixel, s]


@njit(cache=True)
def _take(coming: NDArray[np.float64], g_e: NDArray[np.float64]) -> None:
    """What has arrived in a step reaches the neurons, and its room in the ring is free again."""
    for j in range(g_e.shape[0]):
        g_e[j] += coming[j]
        coming[j] = 0.0


@njit(cache=True)
def _places(targets: Targets) -> Targets:
    """Where a neuron's synapse stands in each pixel's order, (neurons, pixels)."""
    place = np.empty((targets.shape[1], targets.shape[0]), np.int16)
    for i in range(targets.shape[0]):
        for s in range(targets.shape[1]):
            place[targets[i, s], i] = s
    return place


@njit(cache=True)
def _potentiate(
    weights: NDArray[np.float32],
    place: Targets,
    j: int,
    arrived: Counts,
    now: int,
    dt: float,
    post_2: float,
) -> None:
    """A neuron has fired: strengthen what arrived shortly before, by its own earlier firing."""
    for i in range(weights.shape[0]):
        s = place[j, i]
        trace = np.exp((arrived[i, s] - now) * dt / TAU_PRE)
        weights[i, s] = min(weights[i, s] + np.float32(RATE_POST * trace * post_2), 1.0)


@njit(cache=True)
def _simulate(
    weights: NDArray[np.float32],
    theta: NDArray[np.float64],
    groups: Counts,
    targets: Targets,
    samples: NDArray[np.float32],
    dt: float,
    stimulus: int,
    rest: int,
    rate_hz: float,
    seed: int,
    learn: bool,
    out: Counts,
) -> None:
    """Show the samples one after the other; weights and theta change only if it learns."""
    np.random.seed(seed)
    pixels, neurons = weights.shape
    delays = groups.shape[1] - 1
    length = stimulus + rest
    v_e, v_i = np.full(neurons, REST_E - 40.0), np.full(neurons, REST_I - 40.0)
    ge_e, gi_e = np.zeros(neurons), np.zeros(neurons)
    ge_i = np.zeros(neurons)
    post_1, post_2 = np.zeros(neurons), np.zeros(neurons)
    since_e, since_i = np.full(neurons, 10**6), np.full(neurons, 10**6)
    arrived = np.full((pixels, neurons) if learn else (1, 1), -(10**6), np.int32)
    place = _places(targets) if learn else np.empty((1, 1), np.int16)
    coming = np.zeros((1, 1) if learn else (delays, neurons))
    spikes = np.empty(int(pixels * rate_hz * stimulus * dt * 2e-3) + 1024, np.int32)
    ends = np.zeros(length + 1, np.int32)
    fade_e, fade_i = 1.0 - dt / TAU_GE, 1.0 - dt / TAU_GI
    fade_1, fade_2 = np.exp(-dt / TAU_POST_1), np.exp(-dt / TAU_POST_2)
    fade_theta = np.exp(-dt / TAU_THETA) if learn else 1.0
    now = 0
    warm = int(FIRST_REST_MS / dt)
    for number in range(-1, samples.shape[0]):
        steps = warm if number < 0 else length
        if number >= 0:
            if learn:
                _rescale(weights, targets)
            _input_spikes(samples[number], stimulus, rate_hz * dt * 1e-3, spikes, ends)
            ends[stimulus:] = ends[stimulus]
        for step in range(steps):
            total_i = 0.0
            for j in range(neurons):
                if since_e[j] * dt >= REFRACTORY_E:
                    current = -ge_e[j] * v_e[j] + gi_e[j] * (REVERSAL_IE - v_e[j])
                    v_e[j] += dt / TAU_E * (REST_E - v_e[j] + current)
                ge_e[j] *= fade_e
                gi_e[j] *= fade_i
                theta[j] *= fade_theta
                post_1[j] *= fade_1
                post_2[j] *= fade_2
                since_e[j] += 1
                if since_i[j] * dt >= REFRACTORY_I:
                    v_i[j] += dt / TAU_I * (REST_I - v_i[j] - ge_i[j] * v_i[j])
                ge_i[j] *= fade_e
                since_i[j] += 1
            if number >= 0 and learn:
                for delay in range(min(delays, step + 1)):
                    for k in range(ends[step - delay], ends[step - delay + 1]):
                        _arrive(
                            weights, groups, targets, spikes[k], delay, now, ge_e, post_1, arrived
                        )
            elif number >= 0:
                for k in range(ends[step], ends[step + 1]):
                    _send(weights, groups, targets, spikes[k], step, coming)
                _take(coming[step % delays], ge_e)
            for j in range(neurons):
                over = v_e[j] > theta[j] - THETA_OFFSET + THRESHOLD_E
                if over and since_e[j] * dt > TIMER_E:
                    v_e[j] = RESET_E
                    since_e[j] = 0
                    ge_i[j] += EXCITE
                    if number >= 0:
                        out[number, j] += 1
                    if learn:
                        theta[j] += THETA_STEP
                        _potentiate(weights, place, j, arrived, now, dt, post_2[j])
                        post_1[j] = post_2[j] = 1.0
                if v_i[j] > THRESHOLD_I and since_i[j] * dt >= REFRACTORY_I:
                    v_i[j] = RESET_I
                    since_i[j] = 0
                    total_i += INHIBIT
                    gi_e[j] -= INHIBIT
            if total_i > 0.0:
                for j in range(neurons):
                    gi_e[j] += total_i
            now += 1
        if not learn:
            # Nothing of one picture is left for the next.
            v_e[:], v_i[:] = REST_E, REST_I
            ge_e[:], gi_e[:], ge_i[:] = 0.0, 0.0, 0.0
            since_e[:], since_i[:] = 10**6, 10**6
