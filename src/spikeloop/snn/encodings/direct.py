"""Direct code: the real value itself in every step, for the first layer to turn into spikes."""

from __future__ import annotations

from torch import Tensor


def direct(x: Tensor, steps: int) -> Tensor:
    """(steps, *x.shape), a view of x; the first layer's operations are then MACs, not ACs.

    Raises:
        ValueError: fewer than one step.

    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    return x.unsqueeze(0).expand(steps, *x.shape)
