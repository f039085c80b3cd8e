"""A layer whose spikes come back to it a step later."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeloop.snn.stateful import State, Stateful


class Recurrent(Stateful):
    """s(t) = neuron(x(t) + recurrence(s(t - 1))).

    Input, output: (batch, channels, ...). State: `s`, the last output, then the neuron's.

    Args:
        neuron: the neurons; their state is part of this layer's.
        recurrence: synapses from the output back to the input, shaped alike (nn.Linear, or a
            nn.Conv2d that keeps the size).

    """

    def __init__(self, neuron: Stateful, recurrence: nn.Module) -> None:
        super().__init__()
        self.neuron, self.recurrence = neuron, recurrence
        self.state_names = ("s", *neuron.state_names)

    def initial_state(self, x: Tensor) -> State:
        """No spike yet."""
        return torch.zeros_like(x), *self.neuron.initial_state(x)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        self.neuron.label = self.label
        s, inner = self.neuron.step(x + self.recurrence(state[0]), state[1:])
        return s, (s, *inner)
