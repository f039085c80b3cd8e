"""Integer LIF: trained with whole numbers of spikes, run with as many binary ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spikeloop.snn.neurons.lif import LIF
from spikeloop.snn.stateful import State


class _Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, most: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.most = most
        return torch.floor(x.clamp(0, most) + 0.5)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grads[0] * ((x > 0) & (x < ctx.most)), None


def integer_spikes(x: Tensor, most: int) -> Tensor:
    """floor(clip(x, 0, most) + 1/2), with gradient 1 where 0 < x < most, else 0."""
    spikes: Tensor = _Round.apply(x, most)  # type: ignore[no-untyped-call]
    return spikes


class IntegerLIF(LIF):
    """LIF that gives up to `most` spikes at once (E-3DSNN: arXiv 2412.07360).

    After the charge, n = integer_spikes(v / threshold, most); a soft reset (the default) takes
    n thresholds off. `unfold` tells n as binary spikes of `most` virtual steps, through which a
    synapse without bias gives the same sum.

    Input, output, state `v`: (batch, channels, ...), all shaped alike.

    Args:
        tau: membrane time constant, s.
        dt: time step, s.
        most: greatest number of spikes in a step.
        kwargs: see `LIF`.

    """

    def __init__(self, tau: Any, dt: float, *, most: int = 4, **kwargs: Any) -> None:
        super().__init__(tau, dt, **({"reset": "soft"} | kwargs))
        if most < 1:
            raise ValueError(f"IntegerLIF: most must be at least 1, not {most}")
        self.most = most

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        v = self.charged(state[0], x)
        threshold = self.fitted("threshold", v)
        n = integer_spikes(v / threshold, self.most)
        back = n.detach() if self.detach_reset else n
        if self.reset_mode == "soft":
            v = v - back * threshold
        elif self.reset_mode == "hard":
            v = torch.where(n > 0, self.fitted("v_reset", v), v)
        return n, (v,)


def unfold(counts: Tensor, most: int) -> Tensor:
    """(most, *counts.shape) binary spikes whose sum over the first dimension is `counts`."""
    steps = torch.arange(most, dtype=counts.dtype, device=counts.device)
    return (counts.unsqueeze(0) > steps.view(-1, *(1,) * counts.ndim)).to(counts.dtype)
