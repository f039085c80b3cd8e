"""Place recognition by one amplitude-coded spike a neuron (VPRTempo).

Hines, Stratton, Milford and Fischer, "VPRTempo: A Fast Temporally Encoded Spiking Neural Network
for Visual Place Recognition", ICRA 2024 (arXiv 2309.10225), sections III.A-C. A spike's time in
the cycle is its amplitude: pixels drive feature neurons, these drive one output a place.

Where the published program differs from its paper, this follows the program, for its figures are
those that are known: thresholds of feature neurons fall to zero and stay there (their activity
isn't fed back), so target rates act only as a learning rate for each feature; the initial weights
are divided by one norm for all; the difference that forces an output's spike isn't limited to be
positive. A recognition by the published program uses the bare weights of both layers, so it is
linear; here feature neurons spike, or don't, as the paper says, unless the other is asked for.

Two things are ours. Inputs that tell places apart and are the same on all drives count more
(`input_gains`). And the read-out isn't the delta rule, which is kept as an alternative, but one
output neuron for each place and drive, whose weights are that picture's features against their
mean over all pictures: the covariance rule (Sejnowski, J. Math. Biology 4, 1977), in one step.

No neuron's weights depend on another of its layer, so each is trained by itself with its weights in
the processor's nearest memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikeloop.perception.place.temporal_config import TemporalConfig

Weights = NDArray[np.float32]
LEAST, MOST = np.float32(1e-6), np.float32(10.0)
CEILING = np.float32(0.9)
FORCED = np.float32(0.5)
ANNEALED_EVERY = 100
LEAST_WITHIN = 0.1
"""Of the mean variance between drives: no input counts as steadier."""
_BLOCK = 64
"""Neurons trained between two reports of progress."""


@dataclass(frozen=True)
class TemporalModule:
    """A trained network of some places.

    Attributes:
        first: number of its first place.
        feature: (features, pixels) float32.
        output: (drives * places, features) float32, the places of one drive after the other's.
        drives: output neurons of a place, of which the one that is driven most counts.
        resting: (features,) float32, the mean amplitudes over the references, against which a
            picture's are taken and then brought to unit length; None: amplitudes as they are.

    """

    first: int
    feature: Weights
    output: Weights
    drives: int = 1
    resting: Weights | None = None

    @property
    def places(self) -> int:
        """How many places it knows."""
        return len(self.output) // self.drives

    def spikes(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Amplitudes of the feature neurons' spikes, 0 where there is none; (n, features)."""
        features: Weights = np.matmul(inputs, self.feature.T)
        return np.clip(features, np.float32(0.0), CEILING, out=features)

    def scores(self, inputs: NDArray[np.float32], bare: bool = False) -> NDArray[np.float32]:
        """How much each place is recognised: (n, pixels) in, (n, places) out.

        Args:
            inputs: amplitudes, 0 to 1.
            bare: without limits of the spikes, as in the published program.

        """
        features: Weights = np.matmul(inputs, self.feature.T) if bare else self.spikes(inputs)
        if self.resting is not None:
            features = departures(features, self.resting)
        return self.best_drive(np.matmul(features, self.output.T))

    def best_drive(self, answers: NDArray[np.float32]) -> NDArray[np.float32]:
        """The most driven of each place's output neurons; (n, outputs) in, (n, places) out."""
        best: Weights = answers.reshape(len(answers), self.drives, -1).max(1)
        return best

    def with_places(self, inputs: NDArray[np.float32]) -> TemporalModule:
        """The module with further places behind its own, which stay as they are.

        Args:
            inputs: (drives, new places, pixels), of as many drives.

        Raises:
            ValueError: its read-out is the delta rule's, which can't learn places one by one, or
                another number of drives.

        """
        if self.resting is None or len(inputs) != self.drives:
            raise ValueError(
                f"only prototypes take further places, of {self.drives} drives, not {len(inputs)}"
            )
        spikes = self.spikes(inputs.reshape(-1, inputs.shape[-1]))
        new = departures(spikes, self.resting).reshape(self.drives, -1, self.output.shape[1])
        old = self.output.reshape(self.drives, -1, self.output.shape[1])
        output = np.concatenate([old, new], axis=1).reshape(-1, self.output.shape[1])
        return replace(self, output=output)


def departures(amplitudes: NDArray[np.float32], resting: Weights) -> NDArray[np.float32]:
    """Amplitudes against those at rest, of unit length; (n, features) in and out.

    Where no neuron spikes there is nothing to answer to, so all are 0. The division by the activity
    of all is Carandini and Heeger's, Nature Reviews Neuroscience 13,
    2012.
    """
    apart: Weights = amplitudes - resting
    length = np.linalg.norm(apart, axis=1, keepdims=True)
    apart /= np.maximum(length, np.float32(1e-9))
    apart[~amplitudes.any(axis=1)] = 0.0
    return apart


def train_temporal(
    inputs: NDArray[np.float32],
    config: TemporalConfig,
    seed: int,
    progress: Callable[[float], object] = lambda part: None,
) -> list[TemporalModule]:
    """Train modules on traversals of the reference route.

    Args:
        inputs: (traversals, places, pixels) float32, 0 to 1.
        config: size and training.
        seed: fixes weights and order.
        progress: told which part of the work has been done since it was last told.

    Raises:
        ValueError: another shape, or no place at all.

    """
    if inputs.ndim != 3 or not inputs.size:
        raise ValueError(
            f"references are (traversals, places, pixels), not {inputs.shape}; at least one place"
        )
    places = inputs.shape[1]
    count = -(-places // config.module_places)
    bounds = np.linspace(0, places, count + 1).round().astype(int)
    modules = []
    for number, (first, end) in enumerate(pairwise(bounds.tolist())):
        random = np.random.default_rng((seed, number))
        share = (end - first) / places
        modules.append(
            _train_module(
                first,
                np.ascontiguousarray(inputs[:, first:end]),
                config,
                random,
                lambda part, share=share: progress(part * share),  # type: ignore[misc]
            )
        )
    return modules


def recognise(
    modules: Sequence[TemporalModule], inputs: NDArray[np.float32], bare: bool = False
) -> NDArray[np.float32]:
    """Scores of all places, (n, places), of inputs (n, pixels); see `TemporalModule.scores`."""
    return np.concatenate([module.scores(inputs, bare) for module in modules], axis=1)


def _train_module(
    first: int,
    inputs: NDArray[np.float32],
    config: TemporalConfig,
    random: np.random.Generator,
    progress: Callable[[float], object],
) -> TemporalModule:
    _, places, pixels = inputs.shape
    gains = input_gains(inputs, config.reliability)
    samples = inputs.reshape(-1, pixels) * gains
    steps = len(samples) * config.epochs
    features = max(round(config.features * pixels), 1)
    rates = np.linspace(config.rate_low, config.rate_high, features + 1)[1:].astype(np.float32)

    feature = _drawn(random, features, pixels, config.excitatory, config.inhibitory)
    thresholds = random.uniform(0.0, 0.5, features).astype(np.float32)
    order = _order(random, len(samples), config.epochs)
    anneal = _annealing(steps)
    stdp = (config.rate_stdp * anneal).astype(np.float32)
    settling = (config.rate_threshold * anneal).astype(np.float32)
    homeostasis = np.float32(config.homeostasis)
    for start in range(0, features, _BLOCK):
        part = slice(start, start + _BLOCK)
        _train_features(
            feature[part], thresholds[part], rates[part], samples, order, stdp, settling,
            homeostasis,
        )  # fmt: skip
        progress(0.5 * len(feature[part]) / features)

    if config.read_out == "prototypes":
        spikes = np.clip(samples @ feature.T, 0.0, CEILING).astype(np.float32)
        resting = spikes.mean(0)
        progress(0.5)
        # An input's gain is part of its synapses, so recognition needs none.
        output = departures(spikes, resting)
        return TemporalModule(first, feature * gains, output, len(inputs), resting)

    spikes = np.clip(samples @ feature.T - thresholds, 0.0, CEILING).astype(np.float32)
    output = _drawn(random, places, features, 1.0, 1.0)
    order = _order(random, len(samples), config.epochs)
    scaled = spikes / rates
    for start in range(0, places, _BLOCK):
        part = slice(start, start + _BLOCK)
        _train_outputs(output[part], start, places, spikes, scaled, order, stdp, homeostasis)
        progress(0.5 * len(output[part]) / places)
    return TemporalModule(first, feature * gains, output)


def input_gains(inputs: NDArray[np.float32], exponent: float) -> Weights:
    """How much each input counts: what tells places apart and is the same on all drives, most.

    The deviation between places over that between drives at one place, to the exponent, divided by
    the largest: Fisher's criterion for each input by itself (Annals of Eugenics 7, 1936).

    Args:
        inputs: (traversals, places, pixels).
        exponent: 0 makes all inputs equal, as does a single traversal, which tells nothing.

    Returns:
        (pixels,) float32, 0 to 1.

    """
    gains = np.ones(inputs.shape[2], np.float32)
    if len(inputs) < 2 or not exponent:
        return gains
    between = inputs.mean(0).var(0)
    within = inputs.var(0, ddof=1).mean(0)
    floor = LEAST_WITHIN * float(within.mean())
    if not floor or not between.any():
        return gains
    gains = (between / (within + np.float32(floor))) ** np.float32(0.5 * exponent)
    return np.asarray(gains / gains.max(), np.float32)


def _drawn(
    random: np.random.Generator, rows: int, columns: int, excitatory: float, inhibitory: float
) -> Weights:
    """Excitation and inhibition from N(+-0.5, 1/6), thinned out, each divided by one norm.

    The norm is that of the last row, as in the published program; the paper means each neuron's.
    """
    total = np.zeros((rows, columns), np.float32)
    for sign, probability in ((1.0, excitatory), (-1.0, inhibitory)):
        drawn = np.maximum(random.normal(0.5, 1.0 / 6.0, (rows, columns)), 0.0)
        drawn[random.random((rows, columns)) > probability] = 0.0
        norm = np.abs(drawn[-1]).sum()
        total += (sign * drawn / (norm or 1.0)).astype(np.float32)
    return total


def _order(random: np.random.Generator, samples: int, epochs: int) -> NDArray[np.int32]:
    """Samples in the order of training: each epoch shuffled anew."""
    return np.concatenate([random.permutation(samples) for _ in range(epochs)]).astype(np.int32)


def _annealing(steps: int) -> NDArray[np.float64]:
    """Factor of the learning rates at each step, falling as a square in stairs."""
    # The published program sets a rate after the step that it counts, so the first is whole.
    counted = (np.maximum(np.arange(steps) - 1, 0) // ANNEALED_EVERY) * ANNEALED_EVERY
    return ((steps - counted) / steps) ** 2


@njit(cache=True, fastmath=True, nogil=True)
def _train_features(
    weights: Weights,
    thresholds: Weights,
    rates: Weights,
    samples: Weights,
    order: NDArray[np.int32],
    stdp: Weights,
    settling: Weights,
    homeostasis: np.float32,
) -> None:
    """STDP towards amplitude 0.5, and inhibition that keeps a neuron's drive about zero."""
    pixels = weights.shape[1]
    for n in range(weights.shape[0]):
        row = weights[n]
        excites = np.empty(pixels, np.float32)
        inhibits = np.empty(pixels, np.float32)
        for i in range(pixels):
            excites[i] = 1.0 if row[i] > 0.0 else 0.0
            inhibits[i] = 1.0 if row[i] < 0.0 else 0.0
        threshold = thresholds[n]
        for s in range(len(order)):
            x = samples[order[s]]
            drive = np.float32(0.0)
            for i in range(pixels):
                drive += row[i] * x[i]
            spike = min(max(drive - threshold, np.float32(0.0)), CEILING)
            change = stdp[s] * (FORCED - spike) if spike > 0.0 else np.float32(0.0)
            more = np.float32(1.0) + drive * stdp[s] * homeostasis
            for i in range(pixels):
                step = change if x[i] > 0.0 else np.float32(0.0)
                up = min(max(row[i] + step, LEAST), MOST)
                down = min(max(row[i] - step, -MOST), -LEAST) * more
                row[i] = excites[i] * up + inhibits[i] * down
            threshold = max(threshold - settling[s] * rates[n], np.float32(0.0))
        thresholds[n] = threshold


@njit(cache=True, fastmath=True, nogil=True)
def _train_outputs(
    weights: Weights,
    first: int,
    places: int,
    spikes: Weights,
    scaled: Weights,
    order: NDArray[np.int32],
    stdp: Weights,
    homeostasis: np.float32,
) -> None:
    """The delta rule to amplitude 0.5 on the true place and 0 on all others, and homeostasis."""
    features = weights.shape[1]
    for n in range(weights.shape[0]):
        row = weights[n]
        excites = np.empty(features, np.float32)
        inhibits = np.empty(features, np.float32)
        for i in range(features):
            excites[i] = 1.0 if row[i] > 0.0 else 0.0
            inhibits[i] = 1.0 if row[i] < 0.0 else 0.0
        for s in range(len(order)):
            x, fast = spikes[order[s]], scaled[order[s]]
            drive = np.float32(0.0)
            for i in range(features):
                drive += row[i] * x[i]
            spike = min(max(drive, np.float32(0.0)), CEILING)
            target = FORCED if order[s] % places == first + n else np.float32(0.0)
            change = stdp[s] * (target - spike)
            more = np.float32(1.0) + drive * stdp[s] * homeostasis
            for i in range(features):
                value = row[i] + change * fast[i]
                up = min(max(value, LEAST), MOST)
                down = min(max(value, -MOST), -LEAST) * more
                row[i] = excites[i] * up + inhibits[i] * down
