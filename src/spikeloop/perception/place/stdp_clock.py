"""The compiled, clock-driven simulation of a population that learns by spike timing; see `stdp`.

Forward Euler with the published constants (Diehl and Cook 2015), also those that the published
program has and the paper doesn't: a neuron's timer runs at a tenth of time and must pass 5 ms, so
it can't fire again for 50 ms; the early spike of a triplet adds to a weight. Arrivals at synapses
are grouped by delay in advance, so a spike costs its own synapses and nothing else; while weights
don't change, a spike is sent to all its delays at once, in the order of memory.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

REST_E, RESET_E, THRESHOLD_E = -65.0, -65.0, -52.0
REST_I, RESET_I, THRESHOLD_I = -60.0, -45.0, -40.0
REVERSAL_IE = -100.0
TAU_E, TAU_I, TAU_GE, TAU_GI = 100.0, 10.0, 1.0, 0.5
REFRACTORY_E, REFRACTORY_I, TIMER_E = 5.0, 2.0, 50.0
THETA_START, THETA_OFFSET, THETA_STEP, TAU_THETA = 20.0, 20.0, 0.05, 1e7
DELAY_MS, COLUMN_SUM = 10.0, 78.0
EXCITE, INHIBIT = 10.4, 17.0
RATE_PRE, RATE_POST = 1e-4, 0.01
TAU_PRE, TAU_POST_1, TAU_POST_2 = 20.0, 20.0, 40.0
FIRST_REST_MS = 500.0
HAIR = 1e-9
"""What a quotient of times may lack of a whole number of steps."""
Counts = NDArray[np.int32]
Targets = NDArray[np.int16]


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
    slots: Counts,
    pixel: int,
    now: int,
    coming: NDArray[np.float64],
) -> None:
    """A pixel's spike is on its way to all its synapses.

    `coming` is a ring of the next steps, one after the other (steps * neurons,); that of now
    begins at `now`, and `slots` (pixels, neurons) says how far from there a synapse's place is.
    """
    for s in range(weights.shape[1]):
        at = now + slots[pixel, s]
        coming[at if at < coming.shape[0] else at - coming.shape[0]] += weights[pixel, s]


@njit(cache=True)
def _slots(groups: Counts, targets: Targets) -> Counts:
    """Where in the ring of `_send` the synapses lie, (pixels, neurons)."""
    slots = np.empty(targets.shape, np.int32)
    for i in range(targets.shape[0]):
        for delay in range(groups.shape[1] - 1):
            for s in range(groups[i, delay], groups[i, delay + 1]):
                slots[i, s] = delay * targets.shape[1] + targets[i, s]
    return slots


@njit(cache=True)
def _advance(
    v: NDArray[np.float64],
    g: NDArray[np.float64],
    inhibited: NDArray[np.float64],
    since: NDArray[np.int64],
    free: int,
    rest: float,
    part: float,
) -> None:
    """A step of Euler's for the membranes of a population; who has just fired stays.

    `g` and `inhibited` are conductances, `since` the steps since a neuron fired, `free` from how
    many on it moves again, `part` the step in parts of the time constant. There are no branches,
    so that the compiler takes several neurons at once.
    """
    for j in range(v.shape[0]):
        current = -g[j] * v[j] + inhibited[j] * (REVERSAL_IE - v[j])
        moved = v[j] + part * (rest - v[j] + current)
        v[j] = moved if since[j] >= free else v[j]
        since[j] += 1


@njit(cache=True)
def _fade(values: NDArray[np.float64], kept: float) -> None:
    """What is left of conductances and traces after a step."""
    for j in range(values.shape[0]):
        values[j] *= kept


@njit(cache=True)
def _take(coming: NDArray[np.float64], g_e: NDArray[np.float64]) -> None:
    """What has arrived in a step reaches the neurons, and its room in the ring is free again."""
    for j in range(g_e.shape[0]):
        g_e[j] += coming[j]
        coming[j] = 0.0


@njit(cache=True)
def _any_over(
    v_e: NDArray[np.float64], theta: NDArray[np.float64], v_i: NDArray[np.float64]
) -> bool:
    """Whether any neuron is over its threshold; most steps none is, and this is quick to see."""
    over = 0
    for j in range(v_e.shape[0]):
        over += (v_e[j] > theta[j] - THETA_OFFSET + THRESHOLD_E) | (v_i[j] > THRESHOLD_I)
    return over > 0


@njit(cache=True)
def _fire(
    v_e: NDArray[np.float64],
    theta: NDArray[np.float64],
    since_e: NDArray[np.int64],
    v_i: NDArray[np.float64],
    since_i: NDArray[np.int64],
    ge_i: NDArray[np.float64],
    gi_e: NDArray[np.float64],
    timer: int,
    free_i: int,
    fired: NDArray[np.int64],
) -> int:
    """Who is over the threshold fires: each excites its partner, which silences all others.

    Returns:
        how many excitatory ones did, whose numbers begin `fired`.

    """
    count, total = 0, 0.0
    for j in range(v_e.shape[0]):
        if v_e[j] > theta[j] - THETA_OFFSET + THRESHOLD_E and since_e[j] > timer:
            v_e[j] = RESET_E
            since_e[j] = 0
            ge_i[j] += EXCITE
            fired[count] = j
            count += 1
        if v_i[j] > THRESHOLD_I and since_i[j] >= free_i:
            v_i[j] = RESET_I
            since_i[j] = 0
            total += INHIBIT
            gi_e[j] -= INHIBIT
    if total > 0.0:
        for j in range(gi_e.shape[0]):
            gi_e[j] += total
    return count


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
def simulate(
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
    ge_i, none = np.zeros(neurons), np.zeros(neurons)
    post_1, post_2 = np.zeros(neurons), np.zeros(neurons)
    since_e, since_i = np.full(neurons, 10**6), np.full(neurons, 10**6)
    fired = np.empty(neurons, np.int64)
    arrived = np.full((pixels, neurons) if learn else (1, 1), -(10**6), np.int32)
    place = _places(targets) if learn else np.empty((1, 1), np.int16)
    slots = np.empty((1, 1), np.int32) if learn else _slots(groups, targets)
    coming = np.zeros(delays * neurons)
    spikes = np.empty(int(pixels * rate_hz * stimulus * dt * 2e-3) + 1024, np.int32)
    ends = np.zeros(length + 1, np.int32)
    fade_e, fade_i = 1.0 - dt / TAU_GE, 1.0 - dt / TAU_GI
    fade_1, fade_2 = np.exp(-dt / TAU_POST_1), np.exp(-dt / TAU_POST_2)
    # In steps of the clock.
    free_e, free_i = int(np.ceil(REFRACTORY_E / dt - HAIR)), int(np.ceil(REFRACTORY_I / dt - HAIR))
    timer = int(np.floor(TIMER_E / dt + HAIR))
    now = 0
    for number in range(-1, samples.shape[0]):
        steps = int(FIRST_REST_MS / dt) if number < 0 else length
        if number >= 0:
            if learn:
                _rescale(weights, targets)
            _input_spikes(samples[number], stimulus, rate_hz * dt * 1e-3, spikes, ends)
            ends[stimulus:] = ends[stimulus]
        for step in range(steps):
            _advance(v_e, ge_e, gi_e, since_e, free_e, REST_E, dt / TAU_E)
            _advance(v_i, ge_i, none, since_i, free_i, REST_I, dt / TAU_I)
            _fade(ge_e, fade_e)
            _fade(gi_e, fade_i)
            _fade(ge_i, fade_e)
            if learn:
                _fade(theta, np.exp(-dt / TAU_THETA))
                _fade(post_1, fade_1)
                _fade(post_2, fade_2)
            if number >= 0 and learn:
                for delay in range(min(delays, step + 1)):
                    for k in range(ends[step - delay], ends[step - delay + 1]):
                        _arrive(
                            weights, groups, targets, spikes[k], delay, now, ge_e, post_1, arrived
                        )
            elif number >= 0:
                first = step % delays * neurons
                for k in range(ends[step], ends[step + 1]):
                    _send(weights, slots, spikes[k], first, coming)
                _take(coming[first : first + neurons], ge_e)
            if _any_over(v_e, theta, v_i):
                count = _fire(v_e, theta, since_e, v_i, since_i, ge_i, gi_e, timer, free_i, fired)
                for j in fired[:count]:
                    if number >= 0:
                        out[number, j] += 1
                    if learn:
                        theta[j] += THETA_STEP
                        _potentiate(weights, place, j, arrived, now, dt, post_2[j])
                        post_1[j] = post_2[j] = 1.0
            now += 1
        if not learn:
            # Nothing of one picture is left for the next.
            v_e[:], v_i[:] = REST_E, REST_I
            ge_e[:], gi_e[:], ge_i[:] = 0.0, 0.0, 0.0
            since_e[:], since_i[:] = 10**6, 10**6
