"""Population code: each value excites the neurons whose preferred value is near."""

from __future__ import annotations

import torch
from torch import Tensor


def preferred(neurons: int, low: float, high: float) -> Tensor:
    """(neurons,) float32, preferred values, evenly spaced from low to high.

    Raises:
        ValueError: fewer than 2 neurons, or low isn't below high.

    """
    if neurons < 2 or not low < high:
        raise ValueError(f"needs 2 neurons and low < high, not {neurons}, {low}, {high}")
    return torch.linspace(low, high, neurons)


def population(x: Tensor, neurons: int, low: float, high: float, overlap: float = 1.0) -> Tensor:
    """Gaussian tuning curves (Bohte et al., Neurocomputing 48, 2002, sec. 4.1).

    Args:
        x: (batch, values); a value outside the range excites the outermost neurons less.
        neurons: number for each value, at least 2.
        low: smallest preferred value.
        high: greatest preferred value.
        overlap: standard deviation of a curve, in distances between preferred values.

    Returns:
        (batch, values * neurons), from 0 to 1; a rate or latency code makes spikes of them.

    Raises:
        ValueError: as `preferred`, or the overlap isn't positive.

    """
    if overlap <= 0:
        raise ValueError(f"overlap must be positive, not {overlap}")
    centres = preferred(neurons, low, high).to(x)
    width = overlap * (high - low) / (neurons - 1)
    return torch.exp(-(((x.unsqueeze(-1) - centres) / width) ** 2) / 2).flatten(1)


def population_mean(activity: Tensor, neurons: int, low: float, high: float) -> Tensor:
    """(batch, values), the mean preferred value, weighted by activity (batch, values * neurons).

    NaN where no neuron is active.
    """
    by_value = activity.unflatten(1, (-1, neurons))  # type: ignore[no-untyped-call]
    mean: Tensor = by_value @ preferred(neurons, low, high).to(activity) / by_value.sum(-1)
    return mean
