"""What a learning rule is, and the plainest: back-propagation through time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from spikeloop.snn.stateful import reset, run, run_unnamed

Loss = Callable[[Tensor, Tensor], Tensor]


class Run(Protocol):
    """How a model is run; see `spikeloop.snn.run`."""

    def __call__(self, model: nn.Module, sequence: Tensor, layer_by_layer: bool = False) -> Tensor:
        """The outputs of all steps."""


class Rule(Protocol):
    """Turns a batch into gradients."""

    def backward(self, model: nn.Module, x: Tensor, target: Tensor, loss: Loss) -> float:
        """Reset the states, run (time, batch, ...), add to the gradients; the loss."""


def compiled_run() -> Run:
    """`run` by torch.compile, all time steps at once: starts slowly, then saves about a third.

    It needs a C++ compiler, and compiles anew for another shape.
    """
    fast: Run = torch.compile(run_unnamed, dynamic=False)
    return fast


class BPTT:
    """Back-propagation through time of the loss of the mean output.

    Its memory grows with the number of time steps.

    Args:
        layer_by_layer: see `snn.run`; batch normalisation then sees all time steps at once.

    Attributes:
        run: how the model is run.

    """

    def __init__(self, layer_by_layer: bool = False) -> None:
        self.layer_by_layer = layer_by_layer
        self.run: Run = run

    def backward(self, model: nn.Module, x: Tensor, target: Tensor, loss: Loss) -> float:
        """See `Rule`."""
        reset(model)
        value = loss(self.run(model, x, self.layer_by_layer).mean(0), target)
        value.backward()  # type: ignore[no-untyped-call]
        reset(model)
        return float(value.detach())
