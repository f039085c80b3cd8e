"""LIF whose threshold adapts: to its own spikes, or to those that come in."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from spikeloop.snn.neurons.lif import LIF
from spikeloop.snn.stateful import State


class AdaptiveLIF(LIF):
    """LIF whose threshold rises with its own spikes (ALIF: Bellec et al., arXiv 1803.09574).

    With the spikes s of this neuron, a <- k_a a + (1 - k_a) s after each step, and the threshold
    of the next is threshold + beta a. The soft reset takes off the threshold that was reached.

    Input, output, states `v` and `a`: (batch, channels, ...), all shaped alike.

    Args:
        tau: membrane time constant, s.
        dt: time step, s.
        tau_adaptation: time constant of the adaptation, s.
        beta: rise of the threshold at one spike in every step.
        kwargs: see `LIF`.

    """

    state_names: tuple[str, ...] = ("v", "a")
    learnable: tuple[str, ...] = (*LIF.learnable, "tau_adaptation", "beta")
    time_constants: tuple[str, ...] = ("tau", "tau_adaptation")

    def __init__(
        self, tau: Any, dt: float, *, tau_adaptation: Any, beta: Any = 1.8, **kwargs: Any
    ) -> None:
        super().__init__(tau, dt, **kwargs)
        self.declare("tau_adaptation", tau_adaptation)
        self.declare("beta", beta)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        v, a = state
        level = self.fitted("threshold", x) + self.fitted("beta", x) * a
        s, v = self.fire(self.charged(v, x), level)
        keep = self.keep("tau_adaptation", x).to(x.dtype)
        return s, (v, keep * a + (1 - keep) * s)


class InputAdaptiveLIF(LIF):
    """LIF with input-weighted threshold adaptation (IWTA: Stroobants et al., arXiv 2304.08778).

    The spikes s_in that come in act twice: as a current through `synapse`, and on the threshold
    through `adaptation`: d <- k_d d + adaptation(s_in), and the neuron fires at threshold + d.
    So it can integrate its input over much longer than its membrane does.

    Input: whatever both synapses take. Output, states `v` and `d`: shaped like their output.

    Args:
        synapse: module that gives the current.
        adaptation: module that gives the rise of the threshold, shaped like the current.
        tau: membrane time constant, s.
        dt: time step, s.
        tau_adaptation: time constant of the adaptation, s.
        kwargs: see `LIF`.

    """

    state_names: tuple[str, ...] = ("v", "d")
    learnable: tuple[str, ...] = (*LIF.learnable, "tau_adaptation")
    time_constants: tuple[str, ...] = ("tau", "tau_adaptation")

    def __init__(
        self,
        synapse: nn.Module,
        adaptation: nn.Module,
        tau: Any,
        dt: float,
        *,
        tau_adaptation: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(tau, dt, **kwargs)
        self.synapse, self.adaptation = synapse, adaptation
        self.declare("tau_adaptation", tau_adaptation)

    def initial_state(self, x: Tensor) -> State:
        """All at 0, shaped like the current."""
        with torch.no_grad():
            v = torch.zeros_like(self.synapse(x))
        return v, torch.zeros_like(v)

    def state_shape(self, x: Tensor) -> torch.Size:
        """Shape of the current."""
        if self.state is not None and len(self.state[0]) == len(x):
            # A wrong input size is the synapse's to refuse.
            return self.state[0].shape
        with torch.no_grad():
            shape: torch.Size = self.synapse(x).shape
        return shape

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        current, rise = self.synapse(x), self.adaptation(x)
        d = self.keep("tau_adaptation", current).to(x.dtype) * state[1] + rise
        v = self.charged(state[0], current)
        s, v = self.fire(v, self.fitted("threshold", v) + d)
        return s, (v, d)
