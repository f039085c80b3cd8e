"""LIF with batch normalisation of the membrane, which folds into the threshold."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from spikeloop.snn.neurons.lif import LIF
from spikeloop.snn.stateful import State


class ChannelNorm(_BatchNorm):
    """Batch normalisation over dimension 1 of an input with any further dimensions."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"needs (batch, channels, ...), not {tuple(input.shape)}")


class MembraneNormLIF(LIF):
    """LIF that fires where the normalised membrane reaches the threshold (MPBN: 2308.08359).

    After the charge, s = H(norm(v) - threshold); the hard reset acts on v itself. With the
    normalisation's gamma > 0, mean m, deviation d and shift b, norm(v) >= threshold is
    v >= (threshold - b) d / gamma + m, so that after training `fold` gives a plain LIF.

    Input, output, state `v`: (batch, channels, ...), all shaped alike.

    Args:
        channels: size of dimension 1.
        tau: membrane time constant, s.
        dt: time step, s.
        kwargs: see `LIF`; the reset must be hard.

    """

    def __init__(self, channels: int, tau: Any, dt: float, **kwargs: Any) -> None:
        super().__init__(tau, dt, **kwargs)
        if self.reset_mode != "hard":
            raise ValueError(f"MembraneNormLIF: reset must be hard, not {self.reset_mode}")
        self.norm = ChannelNorm(channels)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        v = self.charged(state[0], x)
        s = self.surrogate(self.norm(v) - self.fitted("threshold", v))
        back = s.detach() if self.detach_reset else s
        return s, (v * (1 - back) + self.fitted("v_reset", v) * back,)

    def fold(self) -> LIF:
        """A LIF with a threshold a channel that fires alike, but for rounding.

        Raises:
            ValueError: a gamma isn't positive, so that its channel fires below a level.

        """
        norm = self.norm
        if norm.running_mean is None or norm.running_var is None:
            raise ValueError(f"layer '{self.label}': its normalisation has no running statistics")
        gamma, shift = norm.weight.detach().double(), norm.bias.detach().double()
        if not bool((gamma > 0).all()):
            bad = torch.nonzero(gamma <= 0).flatten().tolist()
            raise ValueError(f"layer '{self.label}': gamma of channels {bad} isn't positive")
        deviation = torch.sqrt(norm.running_var.double() + norm.eps)
        level = self.value("threshold").detach().double()
        threshold = (level - shift) * deviation / gamma + norm.running_mean.double()
        return LIF(
            self.value("tau"),
            self.dt,
            v_leak=self.value("v_leak"),
            r=self.value("r"),
            unit_input=self.unit_input,
            threshold=threshold.to(norm.weight.dtype),
            v_reset=self.value("v_reset"),
            solver=self.solver,
            surrogate=self.surrogate,
            detach_reset=self.detach_reset,
        )
