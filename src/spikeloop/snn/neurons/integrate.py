"""Integrate-and-fire without a leak, and a leaky read-out that doesn't fire."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spikeloop.snn.neurons.lif import LIF
from spikeloop.snn.neurons.neuron import Neuron
from spikeloop.snn.stateful import State


class IF(Neuron):
    """dv/dt = r x, fires at the threshold (NIR's IF).

    One step: v <- v + r dt x, or v + r x with `unit_input`, then `fire`.

    Input, output, state `v`: (batch, channels, ...), all shaped alike.

    Args:
        dt: time step, s.
        r: resistance.
        unit_input: take x for a charge that arrives in the step, not for a current.
        kwargs: see `Neuron`.

    """

    state_names: tuple[str, ...] = ("v",)
    learnable: tuple[str, ...] = ("threshold", "v_reset", "r")

    def __init__(self, dt: float, *, r: Any = 1.0, unit_input: bool = False, **kwargs: Any) -> None:
        super().__init__(dt, **kwargs)
        self.unit_input = unit_input
        self.declare("r", r)

    def coefficients(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Kept share (1), gain of the input, resting potential (0)."""
        r = self.shaped("r", x)
        one = torch.ones((), dtype=x.dtype, device=x.device)
        return one, (r if self.unit_input else r * self.dt).to(x.dtype), torch.zeros_like(one)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        s, v = self.fire(state[0] + self.coefficients(x)[1] * x)
        return s, (v,)


class LeakyIntegrator(LIF):
    """A LIF's membrane as the output, which never fires nor resets: a real-valued read-out."""

    learnable: tuple[str, ...] = ("tau", "v_leak", "r")

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        v = self.charged(state[0], x)
        return v, (v,)


class Integrator(IF):
    """An IF's membrane as the output, which never fires nor resets."""

    learnable: tuple[str, ...] = ("r",)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        v = state[0] + self.coefficients(x)[1] * x
        return v, (v,)
