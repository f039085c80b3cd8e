"""What is done to a controller to see what it stands: parts taken out, and damage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spikeloop.control.spiking_pid.network import (
    NETWORKS,
    PAIRS,
    ROWS,
    WEIGHT_ROWS,
    SpikingPid,
    Weights,
)
from spikeloop.control.spiking_pid.terms import ENCODING_ROWS, TermWeights


def without_network(weights: Weights, name: str) -> Weights:
    """The output of one network ("pd" or "i") at 0."""
    pairs = weights.pairs.copy()
    pairs[NETWORKS.index(name), ROWS.index("output_weight")] = 0.0
    return Weights(pairs, weights.output_leak)


def without_adaptation(weights: Weights) -> Weights:
    """Thresholds that stay where they are."""
    pairs = weights.pairs.copy()
    pairs[:, ROWS.index("adaptation")] = 0.0
    return Weights(pairs, weights.output_leak)


def quantised(weights: Weights, bits: int = 8) -> Weights:
    """Synaptic weights as signed integers of so many bits, one scale a kind and network.

    Biases, thresholds and leaks stay as they are: they belong to neurons, not to synapses.
    """
    pairs = weights.pairs.copy()
    most = 2 ** (bits - 1) - 1
    for network in range(len(NETWORKS)):
        for row in WEIGHT_ROWS:
            scale = np.abs(pairs[network, row]).max() / most
            if scale > 0.0:
                pairs[network, row] = np.round(pairs[network, row] / scale) * scale
    return Weights(pairs, weights.output_leak)


def alive_mask(share_dead: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Which neurons fire, (2, 4, 20) of 0 and 1; so many are dead, without regard to pairs."""
    mask = np.ones(len(NETWORKS) * 4 * PAIRS)
    mask[random.permutation(mask.size)[: round(share_dead * mask.size)]] = 0.0
    return mask.reshape(len(NETWORKS), 4, PAIRS)


def damaged(weights: Weights, share_dead: float, random: np.random.Generator) -> SpikingPid:
    """A controller some of whose neurons never fire."""
    controller = SpikingPid(weights)
    controller.alive[:] = alive_mask(share_dead, random)
    return controller


def without_integral(weights: TermWeights) -> TermWeights:
    """No spike reaches the output of I."""
    encoding = weights.encoding.copy()
    encoding[ENCODING_ROWS.index("integral")] = 0.0
    return replace(weights, encoding=encoding)


def quantised_terms(weights: TermWeights, bits: int = 8) -> TermWeights:
    """Weights onto the interneuron and the outputs as signed integers, one scale a kind."""
    most = 2 ** (bits - 1) - 1

    encoding, derivative = weights.encoding.copy(), weights.derivative.copy()
    # Weight and bias of a pair come first; they belong to its neurons.
    for row in (*encoding[2:], *derivative[2:]):
        scale = float(np.abs(row).max()) / most
        if scale > 0.0:
            row[:] = np.round(row / scale) * scale
    return replace(weights, encoding=encoding, derivative=derivative)
