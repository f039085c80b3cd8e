"""Phase code: the binary digits of a value, one a step, the most significant first."""

from __future__ import annotations

import torch
from torch import Tensor


def phase(x: Tensor, steps: int, period: int = 8) -> Tensor:
    """Weighted spikes (Kim et al., Neurocomputing 311, 2018, eq. 3): digit k of x in step k.

    Args:
        x: any shape, from 0 up to but without 1; finer digits than the period's are cut off.
        steps: number of steps, at least 1; the digits repeat after each period.
        period: digits, from 1 to 23.

    Returns:
        (steps, *x.shape), 0 or 1 in the type of x. Over one period, the sum of
        `phase_weights(period, period)` times the spikes is x, rounded down.

    Raises:
        ValueError: a value or number outside its range.

    """
    if steps < 1 or not 1 <= period <= 23:
        raise ValueError(f"steps must be at least 1, period from 1 to 23, not {steps}, {period}")
    if x.numel() and (float(x.min()) < 0 or float(x.max()) >= 1):
        raise ValueError(f"values must be in [0, 1), not {float(x.min()):g} to {float(x.max()):g}")
    digits = torch.floor(x * 2**period).to(torch.int64)
    shift = period - 1 - torch.arange(steps, device=x.device) % period
    return ((digits >> shift.view(-1, *(1,) * x.ndim)) & 1).to(x.dtype)


def phase_weights(steps: int, period: int = 8) -> Tensor:
    """(steps,) float32, the worth of a spike in each step: 1/2, 1/4, ... and again."""
    return 0.5 ** (1 + torch.arange(steps) % period).to(torch.float32)
