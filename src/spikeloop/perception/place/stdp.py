"""Place recognition by a population that learns pictures by spike timing (VPRSNN).

Hussaini, Milford and Fischer, "Spiking Neural Networks for Visual Place Recognition via Weighted
Neuronal Assignments", RA-L 2022 (arXiv 2109.06452), section III, after Diehl and Cook 2015. Pixels
spike as Poisson processes; each excitatory neuron drives an inhibitory one, which silences all
others; what an excitatory neuron fires for is learned by triplet STDP with adaptive thresholds.

`stdp_clock` simulates it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop.perception.place.stdp_clock import (
    DELAY_MS,
    THETA_START,
    TIMER_E,
    Counts,
    simulate,
)
from spikeloop.perception.place.stdp_config import StdpConfig

LAST_MS = TIMER_E + 15.0
"""After the last arrival a neuron may still fire, once its conductance has faded and its timer run.
"""


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
    simulate(
        weights, module.thresholds, module.groups, module.targets,
        np.ascontiguousarray(samples, np.float32), config.dt_ms,
        round(config.stimulus_ms / config.dt_ms), round(rest / config.dt_ms),
        config.rate_hz, seed, learn, out,
    )  # fmt: skip
    if learn:
        np.put_along_axis(module.weights, module.targets.astype(np.int64), weights, axis=1)
    return out
