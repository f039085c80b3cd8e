"""Plasticity by three factors: what came in, what came out, and how well it went."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ThreeFactor:
    """Changes a linear layer's weights while it runs (Pandey and Biswas, arXiv 2508.21505).

    Eligibility E <- keep E + post pre^T, mean over the batch; then, whenever a third factor G is
    known, W <- W + rate G E. Post may be spikes, or target less output for a supervised head.

    Args:
        layer: its weight is changed in place.
        rate: learning rate.
        tau: time constant of the eligibility, s.
        dt: time step, s.

    Raises:
        ValueError: tau or dt isn't positive.

    """

    def __init__(self, layer: nn.Linear, rate: float, tau: float, dt: float) -> None:
        if tau <= 0 or dt <= 0:
            raise ValueError(f"tau and dt must be positive, not {tau} and {dt}")
        self.layer, self.rate = layer, rate
        self.keep = float(torch.exp(torch.tensor(-dt / tau, dtype=torch.float64)))
        self.eligibility = torch.zeros_like(layer.weight)

    def observe(self, pre: Tensor, post: Tensor) -> None:
        """Take a step's input (batch, inputs) and second factor (batch, outputs)."""
        with torch.no_grad():
            self.eligibility.mul_(self.keep).add_(post.T @ pre / len(pre))

    def apply(self, third: float) -> None:
        """Change the weights by the third factor, such as reward less its mean."""
        with torch.no_grad():
            self.layer.weight.add_(self.eligibility, alpha=self.rate * third)

    def reset(self) -> None:
        """Forget the eligibility."""
        self.eligibility.zero_()
