"""Rate code: independent random spikes whose rate is the value."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Draw(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, probability: Tensor, uniform: Tensor) -> Tensor:
        return (uniform < probability).to(probability.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


def rate(rates: Tensor, steps: int, dt: float, generator: torch.Generator | None = None) -> Tensor:
    """Spikes of a Poisson process, seen in steps of dt.

    A step has a spike with probability 1 - exp(-rate dt), that of at least one event, so the
    rates may be of any size. Gradients reach the probability straight through.

    Args:
        rates: Hz, any shape, at least 0.
        steps: number of steps, at least 1.
        dt: time step, s.
        generator: source of randomness; the global one where none is given.

    Returns:
        (steps, *rates.shape), 0 or 1 in the type of rates.

    Raises:
        ValueError: a negative rate, dt that isn't positive, or no step.

    """
    if steps < 1 or dt <= 0:
        raise ValueError(f"steps and dt must be positive, not {steps} and {dt}")
    if rates.numel() and float(rates.detach().min()) < 0:
        raise ValueError(f"rates must be at least 0 Hz, not {float(rates.detach().min()):g}")
    probability = -torch.expm1(-rates * dt)
    shape = (steps, *rates.shape)
    uniform = torch.rand(shape, generator=generator, dtype=rates.dtype, device=rates.device)
    spikes: Tensor = _Draw.apply(probability.expand(shape), uniform)  # type: ignore[no-untyped-call]
    return spikes
