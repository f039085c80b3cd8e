"""Legendre memory: a sliding window of the past in a few numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeloop.snn.stateful import State, Stateful


def legendre_system(order: int, window: float, dt: float) -> tuple[Tensor, Tensor]:
    """Matrices of m(t + dt) = A m(t) + B u(t) (Voelker et al., NeurIPS 2019, eqs 1 to 5).

    Args:
        order: number of Legendre polynomials, at least 1.
        window: length of the past that is kept, s.
        dt: time step, s; the input is constant through it (zero-order hold).

    Returns:
        A (order, order) and B (order,), float64.

    Raises:
        ValueError: a number isn't positive.

    """
    if order < 1 or window <= 0 or dt <= 0:
        raise ValueError(f"order, window, dt must be positive, not {order}, {window}, {dt}")
    i = torch.arange(order, dtype=torch.float64).view(-1, 1)
    j = i.view(1, -1)
    a = (2 * i + 1) * torch.where(i < j, -torch.ones(()), (-1.0) ** (i - j + 1))
    b = (2 * i + 1) * (-1.0) ** i
    joint = torch.zeros(order + 1, order + 1, dtype=torch.float64)
    joint[:order, :order], joint[:order, order:] = a, b
    held = torch.linalg.matrix_exp(joint * (dt / window))
    return held[:order, :order].contiguous(), held[:order, order].contiguous()


def legendre_readout(order: int, share: Tensor) -> Tensor:
    """(len(share), order): weights that read u(t - share window) from the memory; share 0 to 1.

    Shifted Legendre polynomials, by their recurrence.
    """
    x = 2 * share.to(torch.float64) - 1
    columns = [torch.ones_like(x), x]
    for n in range(1, order - 1):
        columns.append(((2 * n + 1) * x * columns[n] - n * columns[n - 1]) / (n + 1))
    return torch.stack(columns[:order], dim=1)


class LMU(Stateful):
    """Legendre memory unit (Voelker et al., NeurIPS 2019, eqs 6 and 7), plain or spiking.

    u = e_x x + e_h h + e_m m (one number), m <- A m + B u, h <- neuron(W_x x + W_h h + W_m m).

    Input: (batch, inputs). Output, state `h`: (batch, hidden). State `m`: (batch, order). The
    states of a spiking neuron follow.

    Args:
        inputs: number of inputs.
        hidden: number of hidden units.
        order: size of the memory.
        window: length of the past that is kept, s.
        dt: time step, s.
        neuron: spiking neurons of the hidden units; tanh, as in the paper, where none is given.

    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        order: int,
        window: float,
        dt: float,
        neuron: Stateful | None = None,
    ) -> None:
        super().__init__()
        self.hidden, self.order, self.neuron = hidden, order, neuron
        self.state_names = ("h", "m", *(neuron.state_names if neuron else ()))
        a, b = legendre_system(order, window, dt)
        kind = torch.get_default_dtype()
        self.register_buffer("a", a.to(kind))
        self.register_buffer("b", b.to(kind))
        self.a: Tensor
        self.b: Tensor
        self.encoder = nn.Linear(inputs, 1, bias=False)
        self.from_hidden = nn.Linear(hidden, 1, bias=False)
        self.from_memory = nn.Linear(order, 1, bias=False)
        nn.init.zeros_(self.from_memory.weight)
        self.kernel = nn.Linear(inputs + hidden + order, hidden)

    def state_shape(self, x: Tensor) -> torch.Size:
        """Shape of the hidden units."""
        return torch.Size((len(x), self.hidden))

    def initial_state(self, x: Tensor) -> State:
        """All at 0."""
        h, m = x.new_zeros(len(x), self.hidden), x.new_zeros(len(x), self.order)
        return (h, m, *(self.neuron.initial_state(h) if self.neuron else ()))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        h, m, *inner = state
        u = self.encoder(x) + self.from_hidden(h) + self.from_memory(m)
        m = m @ self.a.T + u * self.b
        current = self.kernel(torch.cat([x, h, m], dim=1))
        if self.neuron is None:
            h = torch.tanh(current)
            return h, (h, m)
        self.neuron.label = self.label
        h, after = self.neuron.step(current, tuple(inner))
        return h, (h, m, *after)
