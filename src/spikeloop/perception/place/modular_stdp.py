"""Populations that learned a region of the route each, answering together.

Hussaini, Milford and Fischer, ICRA 2023 (arXiv 2209.08723), sections III.B to D: modules are
trained apart; neurons that answer to too many pictures of the whole record are silenced; the
answers of all modules stand side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spikeloop.perception.place.read_out import (
    READ_OUTS,
    Record,
    as_probabilities,
    calibrated,
    hyperactive,
)
from spikeloop.perception.place.stdp import StdpModule, responses, train_stdp
from spikeloop.perception.place.stdp_config import StdpConfig

Inputs = NDArray[np.float32]


@dataclass(frozen=True)
class StdpNetwork:
    """Modules that cover all places.

    Attributes:
        modules: in order of their regions.
        bounds: (modules + 1,) first place of each region, and the number of places.
        record: (traversals * places, neurons of all) spikes for the references.
        loud: (neurons of all,) bool, those that are silenced.
        places: how many there are.
        config: of every module.
        seed: of the spikes that pictures are turned into.

    """

    modules: tuple[StdpModule, ...]
    bounds: tuple[int, ...]
    record: NDArray[np.int32]
    loud: NDArray[np.bool_]
    places: int
    config: StdpConfig
    seed: int

    def answers(self, inputs: Inputs) -> NDArray[np.int32]:
        """Spikes of all neurons that aren't silenced: (n, pixels) in, (n, neurons) out."""
        return np.where(self.loud, 0, _answers(self.modules, inputs, self.config, self.seed + 1))

    def scores(self, answers: NDArray[np.int32], read_out: str) -> NDArray[np.float64]:
        """Places from answers, (n, places); `read_out` is a name of `read_out.READ_OUTS`."""
        if read_out == "calibrated":
            record = self._record(slice(None), slice(None))
            return calibrated(answers.astype(np.float64), record)
        # Those that assign neurons let each speak only for places that its module has learned.
        assigned = READ_OUTS["standard" if read_out == "probability" else read_out]
        parts = []
        for number, (first, end) in enumerate(pairwise(self.bounds)):
            own = self._neurons(number)
            record = self._record(slice(first, end), own)
            parts.append(assigned(answers[:, own].astype(np.float64), record))
        scores = np.concatenate(parts, axis=1)
        return as_probabilities(scores) if read_out == "probability" else scores

    def unit(self, read_out: str) -> float:
        """Deviation of the scores over the record, above 0: networks are compared in it."""
        return max(float(self.scores(self._heard(), read_out).std()), 1e-12)

    def _heard(self) -> NDArray[np.int32]:
        return np.where(self.loud, 0, self.record)

    def _neurons(self, module: int) -> slice:
        return slice(module * self.config.neurons, (module + 1) * self.config.neurons)

    def _record(self, places: slice, neurons: slice) -> Record:
        heard = self._heard()
        part = heard.reshape(-1, self.places, heard.shape[1])[:, places, neurons]
        return Record.of(part.reshape(-1, part.shape[2]), part.shape[1])


def train_stdp_network(
    references: Inputs,
    config: StdpConfig,
    seed: int,
    progress: Callable[[float], object] = lambda part: None,
) -> StdpNetwork:
    """Train one module a region, and record how all answer to the references.

    Args:
        references: (traversals, places, pixels) float32, 0 to 1.
        config: of each module.
        seed: fixes weights, delays, order and input spikes.
        progress: told which part of the training has been done since it was last told.

    """
    places = references.shape[1]
    count = -(-places // config.module_places)
    bounds = tuple(np.linspace(0, places, count + 1).round().astype(int).tolist())
    modules = tuple(
        train_stdp(
            np.ascontiguousarray(references[:, first:end]),
            config,
            seed * 1009 + number,
            lambda part: progress(part / count),
        )
        for number, (first, end) in enumerate(pairwise(bounds))
    )
    pictures = references.reshape(-1, references.shape[2])
    record = _answers(modules, pictures, config, seed)
    loud = np.zeros(record.shape[1], bool)
    if config.hyperactive > 0.0:
        # The limit is a share of the record, for a longer record makes any neuron answer more.
        loud = hyperactive(record, max(1, round(config.hyperactive * len(pictures))))
    return StdpNetwork(modules, bounds, record, loud, places, config, seed)


def _answers(
    modules: tuple[StdpModule, ...], inputs: Inputs, config: StdpConfig, seed: int
) -> NDArray[np.int32]:
    # All modules see the same spikes, as they would with one sensor.
    return np.concatenate([responses(module, inputs, config, seed) for module in modules], axis=1)
