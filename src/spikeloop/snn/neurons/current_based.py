"""Current-based LIF: the input passes a synapse that decays, then the membrane."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from spikeloop.snn.neurons.lif import charge
from spikeloop.snn.neurons.neuron import Neuron
from spikeloop.snn.stateful import State


class CurrentLIF(Neuron):
    """LIF with a synaptic current of its own time constant (NIR's CubaLIF).

    tau_syn di/dt = -i + w_in x and tau dv/dt = v_leak - v + r i. One step: first
    i <- k_s i + (1 - k_s) w_in x, then v <- v_leak + k (v - v_leak) + (1 - k) r i with the new i,
    then `fire`. With `unit_input`, the factors (1 - k_s) and (1 - k) are left out.

    Input, output, states `i` and `v`: (batch, channels, ...), all shaped alike.

    Args:
        tau: membrane time constant, s.
        tau_syn: synaptic time constant, s.
        dt: time step, s.
        w_in: weight of the input.
        v_leak: resting potential.
        r: membrane resistance.
        unit_input: see above.
        kwargs: see `Neuron`.

    """

    state_names: tuple[str, ...] = ("i", "v")
    learnable: tuple[str, ...] = ("tau", "tau_syn", "threshold", "v_reset", "v_leak", "r", "w_in")
    time_constants: tuple[str, ...] = ("tau", "tau_syn")

    def __init__(
        self,
        tau: Any,
        tau_syn: Any,
        dt: float,
        *,
        w_in: Any = 1.0,
        v_leak: Any = 0.0,
        r: Any = 1.0,
        unit_input: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(dt, **kwargs)
        self.unit_input = unit_input
        quantities = {"tau": tau, "tau_syn": tau_syn, "w_in": w_in, "v_leak": v_leak, "r": r}
        for name, value in quantities.items():
            self.declare(name, value)

    def charged(self, x: Tensor, state: State) -> tuple[Tensor, Tensor]:
        """Current and membrane after a step of input, before any reset."""
        keep_syn, keep = self.keep("tau_syn", x), self.keep("tau", x)
        w_in, r = self.shaped("w_in", x), self.shaped("r", x)
        if not self.unit_input:
            w_in, r = w_in * (1 - keep_syn), r * (1 - keep)
        kind = x.dtype
        i = keep_syn.to(kind) * state[0] + w_in.to(kind) * x
        return i, charge(state[1], i, keep.to(kind), r.to(kind), self.fitted("v_leak", x))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        i, v = self.charged(x, state)
        s, v = self.fire(v)
        return s, (i, v)


class CurrentIntegrator(CurrentLIF):
    """A current-based LIF's membrane as the output, which never fires nor resets."""

    learnable: tuple[str, ...] = ("tau", "tau_syn", "v_leak", "r", "w_in")

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        i, v = self.charged(x, state)
        return v, (i, v)
