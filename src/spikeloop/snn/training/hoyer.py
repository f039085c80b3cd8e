"""One time step: neurons whose threshold follows the activity, and a sparse loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from spikeloop.snn.stateful import reset, run
from spikeloop.snn.training.rule import Loss, Run


class _Fire(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, level: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return (z >= level).to(z.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (z,) = ctx.saved_tensors
        return grads[0] * ((z > 0) & (z < 2)), None


class HoyerSpike(nn.Module):
    """Stateless neurons for one step (Datta et al., arXiv 2212.10170, eqs 2 to 5).

    With z = x / scale (scale learned) and c = clip(z, 0, 1), a neuron fires where z reaches the
    Hoyer extremum sum c^2 / sum |c|, of the batch while training and a running mean of it
    afterwards; it is at most 1. The gradient is 1 where 0 < z < 2. In training, `penalty` holds
    the Hoyer measure (sum |c|)^2 / sum c^2, over the number of values.

    Args:
        threshold: first value of the scale.
        momentum: of the running mean.

    """

    def __init__(self, threshold: float = 1.0, momentum: float = 0.1) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(threshold))
        self.momentum = momentum
        self.register_buffer("level", torch.ones(()))
        self.level: Tensor
        self.penalty: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Spikes, shaped like x."""
        z = x / self.scale
        level = self.level
        if self.training:
            c = z.clamp(0, 1)
            total, squares = c.sum(), (c**2).sum()
            self.penalty = total**2 / (squares + 1e-8) / c.numel()
            level = (squares / (total + 1e-8)).detach()
            with torch.no_grad():
                self.level.lerp_(level, self.momentum)
        spikes: Tensor = _Fire.apply(z, level)  # type: ignore[no-untyped-call]
        return spikes


class Hoyer:
    """BPTT with `weight` times the sum of the layers' Hoyer measures; for one step, or several.

    Args:
        weight: at least 0.
        layer_by_layer: see `snn.run`; batch normalisation then sees all time steps at once.

    """

    def __init__(self, weight: float = 1e-2, layer_by_layer: bool = False) -> None:
        if weight < 0:
            raise ValueError(f"weight must be at least 0, not {weight}")
        self.weight, self.layer_by_layer = weight, layer_by_layer
        self.run: Run = run

    def backward(self, model: nn.Module, x: Tensor, target: Tensor, loss: Loss) -> float:
        """See `Rule`."""
        reset(model)
        value = loss(self.run(model, x, self.layer_by_layer).mean(0), target)
        for module in model.modules():
            if isinstance(module, HoyerSpike) and module.penalty is not None:
                value = value + self.weight * module.penalty
                module.penalty = None
        value.backward()  # type: ignore[no-untyped-call]
        reset(model)
        return float(value.detach())
