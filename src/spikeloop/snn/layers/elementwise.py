"""Stateless layers that act on each element: a factor, a threshold."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from spikeloop.snn.stateful import per_channel, tensor_of
from spikeloop.snn.surrogates import ATan, Surrogate


class Scale(nn.Module):
    """y = scale x (NIR's Scale); scale for all, a channel, or an element."""

    def __init__(self, scale: Any) -> None:
        super().__init__()
        self.register_buffer("scale", tensor_of(scale))
        self.scale: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """One time step."""
        return x * per_channel(self.scale, x, "Scale", "scale").to(x.dtype)


class Threshold(nn.Module):
    """y = 1 where x >= threshold, else 0 (NIR's Threshold, but for ties)."""

    def __init__(self, threshold: Any, surrogate: Surrogate | None = None) -> None:
        super().__init__()
        self.register_buffer("threshold", tensor_of(threshold))
        self.threshold: Tensor
        self.surrogate: Surrogate = surrogate or ATan()

    def forward(self, x: Tensor) -> Tensor:
        """One time step."""
        return self.surrogate(x - per_channel(self.threshold, x, "Threshold", "threshold").to(x))
