"""What a learning rule is, and the plainest: back-propagation through time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor, nn

from spikeloop.snn.stateful import reset, run

Loss = Callable[[Tensor, Tensor], Tensor]


class Rule(Protocol):
    """Turns a batch into gradients."""

    def backward(self, model: nn.Module, x: Tensor, target: Tensor, loss: Loss) -> float:
        """Reset the states, run (time, batch, ...), add to the gradients; the loss."""


class BPTT:
    """Back-propagation through time of the loss of the mean output.

    Its memory grows with the number of time steps.
    """

    def backward(self, model: nn.Module, x: Tensor, target: Tensor, loss: Loss) -> float:
        """See `Rule`."""
        reset(model)
        value = loss(run(model, x).mean(0), target)
        value.backward()  # type: ignore[no-untyped-call]
        reset(model)
        return float(value.detach())
