"""Delta code: a spike when the value has moved by a threshold since the last one."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeloop.snn.stateful import State, Stateful


class Delta(Stateful):
    """Send on delta, as an event camera's pixel does: ON for a rise, OFF for a fall.

    The reference moves by the threshold with every spike, so reference = first value + threshold
    (ONs - OFFs), and the value stays within a threshold of it, unless it moves by more than
    `most` thresholds in a step; then the rest follows in the next ones.

    Input: (batch, channels, ...). Output: (batch, 2 channels, ...), all ON channels first, whole
    numbers of spikes up to `most`. State `reference`: shaped like the input; the first input sets
    it and gives no spike.

    Args:
        threshold: above 0, in the unit of the input.
        most: greatest number of spikes of a neuron in one step.

    """

    state_names: tuple[str, ...] = ("reference",)

    def __init__(self, threshold: float, most: int = 1) -> None:
        super().__init__()
        if threshold <= 0 or most < 1:
            raise ValueError(f"threshold and most must be positive, not {threshold}, {most}")
        self.threshold, self.most = threshold, most

    def initial_state(self, x: Tensor) -> State:
        """The first value."""
        return (x.clone(),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        moved = (x - state[0]) / self.threshold
        counts = torch.trunc(moved).clamp(-self.most, self.most)
        spikes = torch.cat([counts.clamp_min(0), (-counts).clamp_min(0)], dim=1)
        return spikes, (state[0] + counts * self.threshold,)
