"""Gradients for attacks on networks whose surrogates are unknown or vanish (PDSG).

Lun et al., "Towards Effective and Sparse Adversarial Attack on Spiking Neural Networks via
Breaking Invisible Surrogate Gradients" (CVPR 2025): the surrogate is a normal density whose width
is the standard deviation of the membranes that the network really has, per channel and over the
steps so far, and whose centre lies half of that above the threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from spikeloop.snn.neurons.neuron import Neuron


class _Fire(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, sigma: Tensor) -> Tensor:
        ctx.save_for_backward(x, sigma)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        x, sigma = ctx.saved_tensors
        return grads[0] * density(x, sigma), None


def density(x: Tensor, sigma: Tensor) -> Tensor:
    """exp(-(x - sigma/2)^2 / (2 sigma^2)) / (sigma sqrt(2 pi)), of x = v - threshold."""
    z = (x - 0.5 * sigma) / sigma
    return torch.exp(-0.5 * z**2) / (sigma * math.sqrt(2.0 * math.pi))


class PotentialDependent:
    """The surrogate of one layer; it knows the membranes since its last `reset`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the membranes."""
        self._count = 0
        self._sum: Tensor | None = None
        self._squares: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """Spikes of x = v - threshold, (batch, channels, ...)."""
        spikes: Tensor = _Fire.apply(x, self._sigma(x.detach()))  # type: ignore[no-untyped-call]
        return spikes

    def derivative(self, x: Tensor) -> Tensor:
        """What stands for dH/dx, by the membranes so far."""
        return density(x, self._sigma(x.detach()))

    def _sigma(self, x: Tensor) -> Tensor:
        # Channels of pictures apart; a layer of features as a whole.
        kept = (1,) if x.ndim > 2 else ()
        over = [d for d in range(x.ndim) if d not in kept]
        total, squares = x.sum(over, keepdim=True), (x**2).sum(over, keepdim=True)
        self._sum = total if self._sum is None else self._sum + total
        self._squares = squares if self._squares is None else self._squares + squares
        self._count += x.numel() // total.numel()
        mean = self._sum / self._count
        variance = (self._squares / self._count - mean**2).clamp_min(0)
        sigma = variance.sqrt()
        return torch.where(sigma > 1e-6, sigma, torch.ones_like(sigma))


@contextmanager
def potential_dependent(model: nn.Module) -> Iterator[Callable[[], None]]:
    """Give a model's neurons such surrogates meanwhile.

    Yields:
        what must be called before each sequence, so that they forget the membranes.

    """
    held = [(layer, layer.surrogate) for layer in model.modules() if isinstance(layer, Neuron)]
    made = [PotentialDependent() for _ in held]
    try:
        for (layer, _), surrogate in zip(held, made, strict=True):
            layer.surrogate = surrogate

        def forget() -> None:
            for surrogate in made:
                surrogate.reset()

        yield forget
    finally:
        for layer, before in held:
            layer.surrogate = before
