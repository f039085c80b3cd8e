"""A delay of fixed length."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spikeloop.snn.stateful import State, Stateful, per_channel, tensor_of


class Delay(Stateful):
    """y(t) = x(t - delay), each neuron with its own delay, rounded to whole steps (NIR's Delay).

    Input, output: (batch, channels, ...). State `past`: (batch, taps, channels, ...), the newest
    first.

    Args:
        delay: s, at least 0: for all, a channel, or a neuron.
        dt: time step, s.

    """

    state_names: tuple[str, ...] = ("past",)

    def __init__(self, delay: Any, dt: float) -> None:
        super().__init__()
        self.dt = dt
        self.register_buffer("delay", tensor_of(delay))
        self.delay: Tensor
        if dt <= 0 or bool((self.delay < 0).any()):
            raise ValueError(f"Delay: delay and dt must be positive, not {delay} and {dt}")
        self.taps = int(torch.round(self.delay.max() / dt)) + 1

    def state_shape(self, x: Tensor) -> torch.Size:
        """Shape of the past inputs."""
        return torch.Size((len(x), self.taps, *x.shape[1:]))

    def initial_state(self, x: Tensor) -> State:
        """Silence before the first step."""
        return (x.new_zeros(self.state_shape(x)),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        past = torch.cat([x.unsqueeze(1), state[0][:, :-1]], dim=1)
        steps = torch.round(per_channel(self.delay, x, self.label, "delay") / self.dt).long()
        index = steps.expand(x.shape).unsqueeze(1) if steps.ndim < x.ndim else steps.unsqueeze(1)
        return past.gather(1, index.expand(len(x), 1, *x.shape[1:])).squeeze(1), (past,)
