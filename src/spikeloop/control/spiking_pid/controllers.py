"""A spiking controller from a file of weights, whichever kind of network it holds."""

from __future__ import annotations

from spikeloop.control.spiking_pid.ablation import (
    without_adaptation,
    without_integral,
    without_network,
)
from spikeloop.control.spiking_pid.network import SpikingPid, Weights
from spikeloop.control.spiking_pid.storage import BadWeightsError, load_any
from spikeloop.control.spiking_pid.terms import SpikingTerms

Spiking = SpikingPid | SpikingTerms


def load_controller(
    name: str, low: float = -1.0, high: float = 1.0, without: str = "nothing"
) -> Spiking:
    """The controller of weights by name or path, without a part if `SpikingPidConfig` says so.

    Raises:
        ValueError: there are none of that name (`UnknownWeightsError`), or the file isn't what it
            should be, or lacks the part (`BadWeightsError`).

    """
    weights = load_any(name)
    if isinstance(weights, Weights):
        if without == "i_network":
            weights = without_network(weights, "i")
        elif without == "threshold_adaptation":
            weights = without_adaptation(weights)
        return SpikingPid(weights, low, high)
    if without == "threshold_adaptation":
        raise BadWeightsError(f"{name} has no threshold adaptation that could be taken out")
    if without == "i_network":
        weights = without_integral(weights)
    return SpikingTerms(weights, low, high)
