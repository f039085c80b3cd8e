"""Several networks of the same places, each from its own seed, whose scores are added.

Hussaini, Milford and Fischer, T-RO 2024 (arXiv 2311.13186), section III.C. Each place's score is
first normalised over the answers to the reference record, so that modules and networks that were
trained apart, or later, can be compared; those of prototypes in one module can be as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop.perception.place.pictures import GLANCES, Small, edge_amplitudes, glanced
from spikeloop.perception.place.temporal import TemporalModule, recognise, train_temporal
from spikeloop.perception.place.temporal_config import TemporalConfig

Inputs = NDArray[np.float32]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    """One member: modules that cover all places, and how each place answers to the record.

    Attributes:
        modules: in order of their places.
        mean: (places,) mean score over the reference record; 0 where that isn't needed.
        deviation: (places,) its standard deviation, above 0; 1 where that isn't needed.
        bare: recognise without limits of the spikes; see `TemporalModule.scores`.

    """

    modules: tuple[TemporalModule, ...]
    mean: Scores
    deviation: Scores
    bare: bool = False

    def scores(self, inputs: Inputs) -> Scores:
        """Deviations from each place's mean: (n, pixels) in, (n, places) out."""
        raw = recognise(self.modules, inputs, self.bare)
        normal: Scores = (raw - self.mean) / self.deviation
        return normal


def train_ensemble(
    references: Inputs,
    config: TemporalConfig,
    seeds: Sequence[int],
    progress: Callable[[float], object] = lambda part: None,
    bare: bool = False,
) -> list[Network]:
    """Train a network from each seed.

    Args:
        references: (traversals, places, pixels) float32, 0 to 1.
        config: of each network.
        seeds: one a network.
        progress: told which part of the work has been done since it was last told.
        bare: see `Network`.

    """
    share = 1.0 / len(seeds)
    networks = []
    for seed in seeds:
        modules = train_temporal(references, config, seed, lambda part: progress(part * share))
        networks.append(calibrated(modules, references, bare))
    return networks


def calibrated(
    modules: Sequence[TemporalModule], references: Inputs, bare: bool = False
) -> Network:
    """Note how each place of the modules answers to a record, (traversals, places, pixels).

    Prototypes of one module are of unit length, so all places' scores are alike, and are left as
    they are.
    """
    if len(modules) == 1 and modules[0].resting is not None:
        places = sum(module.places for module in modules)
        return Network(tuple(modules), np.zeros(places), np.ones(places), bare)
    answers = recognise(modules, references.reshape(-1, references.shape[-1]), bare)
    deviation = np.maximum(answers.std(0, dtype=np.float64), 1e-9)
    return Network(tuple(modules), answers.mean(0, dtype=np.float64), deviation, bare)


def ensemble_scores(networks: Sequence[Network], inputs: Inputs) -> Scores:
    """Mean over the networks, (n, places)."""
    total = networks[0].scores(inputs)
    for network in networks[1:]:
        total += network.scores(inputs)
    total /= len(networks)
    return total


def glance_inputs(small: Small) -> Inputs:
    """What networks get at each glance: (n, side, side) in, (glances * n, side * side) out.

    All glances are recognised at once, for reading the weights from memory takes most of the time.
    """
    return edge_amplitudes(glanced(small)).reshape(-1, small.shape[-1] ** 2)


def best_glance(scores: Scores) -> Scores:
    """The best of glances, (glances * n, places) in the order of `glance_inputs`; (n, places)."""
    best: Scores = scores.reshape(len(GLANCES), -1, scores.shape[1]).max(0)
    return best


def glance_scores(networks: Sequence[Network], small: Small) -> Scores:
    """The best over glances of what the networks say together; (n, side, side), (n, places) out."""
    return best_glance(ensemble_scores(networks, glance_inputs(small)))
