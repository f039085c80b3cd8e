"""Spatial learning through time: gradients within each step only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeloop.snn.stateful import detach, reset
from spikeloop.snn.training.rule import Loss


class SLTT:
    """Gradients that ignore the way through time (SLTT: Meng et al., arXiv 2302.14311, alg. 1).

    The loss is the mean over steps of that of each step's output. Each step goes backward at once,
    so the memory doesn't grow with the number of steps.

    Args:
        steps: K of SLTT-K: go backward in so many steps only, drawn anew for each batch; in all
            where it is 0.
        seed: of the draw.

    Raises:
        ValueError: a negative number of steps.

    """

    def __init__(self, steps: int = 0, seed: int = 0) -> None:
        if steps < 0:
            raise ValueError(f"steps must be at least 0, not {steps}")
        self.steps, self.generator = steps, torch.Generator().manual_seed(seed)

    def backward(self, model: nn.Module, x: Tensor, target: Tensor, loss: Loss) -> float:
        """See `Rule`."""
        reset(model)
        chosen = set(range(len(x)))
        if 0 < self.steps < len(x):
            drawn = torch.randperm(len(x), generator=self.generator)[: self.steps]
            chosen = set(drawn.tolist())
        total = 0.0
        for n, one in enumerate(x):
            with torch.set_grad_enabled(n in chosen):
                value = loss(model(one), target) / len(chosen)
            if n in chosen:
                value.backward()  # type: ignore[no-untyped-call]
                total += float(value.detach())
            detach(model)
        reset(model)
        return total
