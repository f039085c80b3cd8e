"""What it costs to recognise a picture: spikes, operations, and energy by the usual model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop.metrics.energy import Counts, operation_energy
from spikeloop.perception.place.ensemble import Network, glance_inputs
from spikeloop.perception.place.pictures import GLANCES, small_picture
from spikeloop.perception.place.place_map import PlaceMap


@dataclass(frozen=True)
class PlaceCost:
    """Of one picture.

    Attributes:
        spikes: amplitude-coded, of inputs and feature neurons, of all glances.
        accumulates: additions.
        multiply_accumulates: a spike with an amplitude costs one at each of its synapses.
        energy_j: J, modelled.
        energy_model: by which model.

    """

    spikes: int
    accumulates: int
    multiply_accumulates: int
    energy_j: float
    energy_model: str


class CostOf:
    """Counts for the pictures that are recognised on a map."""

    def __init__(self, place_map: PlaceMap, method: str) -> None:
        """Take a map and a method as `recogniser.scorer` does."""
        self._map, self._method = place_map, method
        self._networks = [_Synapses(network) for network in place_map.networks]

    def cost(self, picture: NDArray[np.generic]) -> PlaceCost:
        """Of a picture as `small_picture` takes it.

        Each feature neuron of a network counts as one that fires, so it is an upper bound.
        """
        if self._method == "sad":
            # A difference and its sum for each edge of each reference, at each glance.
            return _priced(0, 2 * len(GLANCES) * self._map.references.size, 0)
        spikes = macs = 0
        for inputs in glance_inputs(small_picture(picture, self._map.picture)[None]):
            active = inputs > 0.0
            for network in self._networks:
                spikes += int(active.sum()) * network.modules + network.features
                macs += int(network.behind[active].sum()) + network.outputs
        return _priced(spikes, 0, macs)


class _Synapses:
    """Of a network: synapses behind each input, and behind all feature neurons."""

    def __init__(self, network: Network) -> None:
        modules = network.modules
        self.behind: NDArray[np.int64] = np.sum([(m.feature != 0.0).sum(0) for m in modules], 0)
        self.modules = len(modules)
        self.features = sum(len(module.feature) for module in modules)
        self.outputs = sum(int((module.output != 0.0).sum()) for module in modules)


def _priced(spikes: int, accumulates: int, macs: int) -> PlaceCost:
    energy = operation_energy(Counts(macs=macs, acs=accumulates))
    return PlaceCost(spikes, accumulates, macs, energy.joules, energy.model)
