"""LIF neurons of a token, from rest through all steps: compiled in one pass where they learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikeloop.control.decision_transformer.config import STEP_S, TAU_S
from spikeloop.snn.neurons.lif import LIF
from spikeloop.snn.surrogates import FastSigmoid

SLOPE = 5.0


class TokenNeurons(LIF):
    """LIF with soft reset and threshold 1 that starts each token at rest.

    `whole` gives the same spikes as streaming the steps through the layer. With gradients, it
    runs the same equations in one compiled pass, whose backward pass is that of the surrogate:
    many times quicker than a graph of small operations.
    """

    def __init__(self) -> None:
        """Any number of neurons."""
        super().__init__(TAU_S, STEP_S, reset="soft", unit_input=True, surrogate=FastSigmoid(SLOPE))
        self.observer: Callable[[Tensor], None] | None = None
        self._kept_share = float(torch.exp(torch.tensor(-STEP_S / TAU_S, dtype=torch.float64)))

    def whole(self, current: Tensor) -> Tensor:
        """Spikes from rest on; (steps, ...) both, any shape behind the steps."""
        if torch.is_grad_enabled() and current.requires_grad and current.dtype == torch.float32:
            spikes: Tensor = _Whole.apply(current, self._kept_share)  # type: ignore[no-untyped-call]
        else:
            self.reset()
            spikes = self.sequence(current)
            self.reset()
        if self.observer is not None:
            self.observer(spikes)
        return spikes


class _Whole(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, current: Tensor, keep: float) -> Tensor:
        flat = current.detach().contiguous().view(len(current), -1)
        spikes, charged = torch.empty_like(flat), torch.empty_like(flat)
        _run(flat.numpy(), np.float32(keep), spikes.numpy(), charged.numpy())
        ctx.save_for_backward(charged)
        ctx.keep = keep
        return spikes.view(current.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (charged,) = ctx.saved_tensors
        given = grads[0].contiguous().view(charged.shape)
        back = torch.empty_like(charged)
        _back(charged.numpy(), given.numpy(), np.float32(ctx.keep), np.float32(SLOPE), back.numpy())
        return back.view(grads[0].shape), None


Block = NDArray[np.float32]
ONE, ZERO = np.float32(1.0), np.float32(0.0)


@numba.njit(cache=True)
def _run(current: Block, keep: np.float32, spikes: Block, charged: Block) -> None:
    """Spikes and membranes before the reset, (steps, n) all."""
    for i in range(current.shape[1]):
        charged[0, i] = current[0, i]
        spikes[0, i] = ONE if charged[0, i] >= ONE else ZERO
    for t in range(1, len(current)):
        for i in range(current.shape[1]):
            v = current[t, i] + keep * (charged[t - 1, i] - spikes[t - 1, i])
            charged[t, i] = v
            spikes[t, i] = ONE if v >= ONE else ZERO


@numba.njit(cache=True)
def _back(charged: Block, given: Block, keep: np.float32, slope: np.float32, back: Block) -> None:
    """Gradient of the current from that of the spikes, through the reset too."""
    last = len(charged) - 1
    for t in range(last, -1, -1):
        for i in range(charged.shape[1]):
            after = keep * back[t + 1, i] if t < last else ZERO
            steep = ONE + slope * abs(charged[t, i] - ONE)
            back[t, i] = after + (given[t, i] - after) / (steep * steep)
