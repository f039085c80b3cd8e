"""Latency code: one spike, the sooner the larger the value."""

from __future__ import annotations

import torch
from torch import Tensor


def latency(x: Tensor, steps: int, threshold: float = 0.0) -> Tensor:
    """One spike at step round((1 - x) (steps - 1)), none where x <= threshold.

    Args:
        x: any shape, from 0 to 1.
        steps: number of steps, at least 1.
        threshold: values up to this stay silent.

    Returns:
        (steps, *x.shape), 0 or 1 in the type of x.

    Raises:
        ValueError: a value outside 0 to 1, or no step.

    """
    if x.numel() and (float(x.min()) < 0 or float(x.max()) > 1):
        raise ValueError(
            f"values must be from 0 to 1, not {float(x.min()):g} to {float(x.max()):g}"
        )
    return _at(torch.round((1 - x) * (steps - 1)), x > threshold, steps, x)


def membrane_latency(x: Tensor, steps: int, dt: float, tau: float, threshold: float) -> Tensor:
    """One spike when a LIF at constant current x would first fire: tau ln(x / (x - threshold)).

    Args:
        x: any shape; up to the threshold it never fires.
        steps: number of steps, at least 1; later spikes are lost.
        dt: time step, s.
        tau: membrane time constant, s.
        threshold: potential at which it would fire, above 0.

    Returns:
        (steps, *x.shape), 0 or 1 in the type of x.

    Raises:
        ValueError: no step, or a number that must be positive isn't.

    """
    if min(dt, tau, threshold) <= 0:
        raise ValueError(f"dt, tau, threshold must be positive, not {dt}, {tau}, {threshold}")
    fires = x > threshold
    drive = torch.where(fires, x, 2 * threshold)
    time = tau * torch.log(drive / (drive - threshold))
    return _at(torch.ceil(time / dt) - 1, fires, steps, x)


def _at(step: Tensor, fires: Tensor, steps: int, like: Tensor) -> Tensor:
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    counter = torch.arange(steps, device=like.device).view(-1, *(1,) * like.ndim)
    return ((counter == step) & fires).to(like.dtype)
