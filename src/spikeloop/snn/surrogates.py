"""Spikes that can be learned through: a step forwards, a smooth derivative backwards.

Each surrogate is a callable on x = v - threshold (any shape, float). Forward, all give
H(x) = 1 where x >= 0, else 0, in the type of x. Backward, the derivative of H is replaced by
`derivative(x)`, whose formula and source stand at each class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


class Surrogate(Protocol):
    """What a neuron needs of its surrogate."""

    def __call__(self, x: Tensor) -> Tensor:
        """H(x), with the surrogate's gradient."""

    def derivative(self, x: Tensor) -> Tensor:
        """What stands for dH/dx."""


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(x)
        ctx.surrogate = surrogate
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grads[0] * ctx.surrogate.derivative(x), None


class _Surrogate:
    def __call__(self, x: Tensor) -> Tensor:
        spike: Tensor = _Step.apply(x, self)  # type: ignore[no-untyped-call]
        return spike


@dataclass(frozen=True)
class ATan(_Surrogate):
    """a/2 / (1 + (pi a x / 2)^2); area 1 (Fang et al., arXiv 2007.05785, eq. 12)."""

    a: float = 2.0

    def derivative(self, x: Tensor) -> Tensor:
        """What stands for dH/dx."""
        return (0.5 * self.a) / (1 + (0.5 * math.pi * self.a * x) ** 2)


@dataclass(frozen=True)
class Sigmoid(_Surrogate):
    """a s (1 - s) with s = 1 / (1 + exp(-a x)); area 1 (Neftci et al., arXiv 1901.09948)."""

    a: float = 4.0

    def derivative(self, x: Tensor) -> Tensor:
        """What stands for dH/dx."""
        s = torch.sigmoid(self.a * x)
        return self.a * s * (1 - s)


@dataclass(frozen=True)
class FastSigmoid(_Surrogate):
    """1 / (1 + k |x|)^2; area 2/k (SuperSpike: Zenke and Ganguli, arXiv 1705.11146, eq. 5)."""

    k: float = 25.0

    def derivative(self, x: Tensor) -> Tensor:
        """What stands for dH/dx."""
        return 1 / (1 + self.k * x.abs()) ** 2


@dataclass(frozen=True)
class Triangle(_Surrogate):
    """g max(0, 1 - |x| / w); area g w (Esser et al. 2016; Bellec et al., arXiv 1803.09574)."""

    g: float = 0.3
    w: float = 1.0

    def derivative(self, x: Tensor) -> Tensor:
        """What stands for dH/dx."""
        return self.g * torch.relu(1 - x.abs() / self.w)


@dataclass(frozen=True)
class Rectangle(_Surrogate):
    """1/w where |x| < w/2, else 0; area 1 (STBP: Wu et al., arXiv 1706.02609, eq. 24)."""

    w: float = 1.0

    def derivative(self, x: Tensor) -> Tensor:
        """What stands for dH/dx."""
        return (x.abs() < 0.5 * self.w).to(x.dtype) / self.w


@dataclass(frozen=True)
class Gaussian(_Surrogate):
    """exp(-x^2 / 2 s^2) / (s sqrt(2 pi)); area 1 (Yin et al., arXiv 2103.12593, without lobes)."""

    s: float = 0.5

    def derivative(self, x: Tensor) -> Tensor:
        """What stands for dH/dx."""
        return torch.exp(-(x**2) / (2 * self.s**2)) / (self.s * math.sqrt(2 * math.pi))
