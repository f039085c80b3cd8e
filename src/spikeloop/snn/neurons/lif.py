"""Leaky integrate-and-fire, with fixed or learned parameters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spikeloop.snn.neurons.neuron import Neuron
from spikeloop.snn.stateful import State


def charge(
    v: Tensor, x: Tensor, keep: Tensor, gain: Tensor | None, v_leak: Tensor | None
) -> Tensor:
    """Membranes after a step of input: v_leak + keep (v - v_leak) + gain x.

    None stands for a gain of 1 and a resting potential of 0, which then cost nothing.
    """
    x = x if gain is None else gain * x
    if v_leak is not None:
        x = x + v_leak * (1 - keep)
    return torch.addcmul(x, v, keep)


class LIF(Neuron):
    """Tau dv/dt = v_leak - v + r x, fires at the threshold (NIR's LIF; Gerstner et al. 2014).

    One step: v <- v_leak + k (v - v_leak) + g x, with k of `decay`, then `fire`. With
    `unit_input`, g = r, so that x is a charge that arrives in the step; else g = r (1 - k), so
    that x is a current that flows through it.

    Input, output, state `v`: (batch, channels, ...), all shaped alike.

    Args:
        tau: membrane time constant, s.
        dt: time step, s.
        v_leak: resting potential.
        r: membrane resistance.
        unit_input: see above.
        kwargs: threshold, v_reset, reset, solver, surrogate, detach_reset, learn, channels: see
            `Neuron`. `learn` may also name tau, which is then PLIF (Fang et al., arXiv 2007.05785).

    """

    state_names: tuple[str, ...] = ("v",)
    learnable: tuple[str, ...] = ("tau", "threshold", "v_reset", "v_leak", "r")
    time_constants: tuple[str, ...] = ("tau",)

    def __init__(
        self,
        tau: Any,
        dt: float,
        *,
        v_leak: Any = 0.0,
        r: Any = 1.0,
        unit_input: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(dt, **kwargs)
        self.unit_input = unit_input
        self.tau: Tensor
        self.r: Tensor
        self.v_leak: Tensor
        self._kept: tuple[Any, tuple[Tensor, Tensor | None, Tensor | None]] | None = None
        self.declare("tau", tau)
        self.declare("v_leak", v_leak)
        self.declare("r", r)

    def coefficients(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Kept share, gain of the input, resting potential, ready to broadcast against x."""
        keep = self.keep("tau", x)
        r = self.shaped("r", x)
        gain = r if self.unit_input else r * (1 - keep)
        return keep.to(x.dtype), gain.to(x.dtype), self.fitted("v_leak", x)

    def charged(self, v: Tensor, x: Tensor) -> Tensor:
        """Membranes after a step of input, before any reset."""
        return charge(v, x, *self._needed(x))

    def _needed(self, x: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The coefficients, without those that change nothing; kept while none is learned."""
        learned = any(name in self._learn for name in ("tau", "r", "v_leak"))
        if learned or torch.compiler.is_compiling():
            return self.coefficients(x)
        held = [(value._version, value.data_ptr()) for value in (self.tau, self.r, self.v_leak)]
        now = (x.shape[1:], x.dtype, x.device, held)
        if self._kept is None or self._kept[0] != now:
            keep, gain, rest = self.coefficients(x)
            plain = None if bool((gain == 1).all()) else gain
            self._kept = (now, (keep, plain, rest if bool(rest.any()) else None))
        return self._kept[1]

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        s, v = self.fire(self.charged(state[0], x))
        return s, (v,)


class PLIF(LIF):
    """LIF that learns its time constant, threshold and reset (Fang et al., arXiv 2007.05785).

    As `LIF`, with `learn` preset; give `channels` for a value of each channel.
    """

    def __init__(self, tau: Any, dt: float, **kwargs: Any) -> None:
        super().__init__(tau, dt, **({"learn": ("tau", "threshold", "v_reset")} | kwargs))
