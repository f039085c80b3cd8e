"""Synapses with learned delays."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeloop.snn.stateful import ShapeError, State, Stateful


class DelayedLinear(Stateful):
    """Linear synapses, each with a weight and a delay (DCLS: Hammouamri et al., arXiv 2306.17670).

    y_o(t) = sum over i, k of w_oi G_oi(k) x_i(t - k dt). While training, G is a Gaussian around
    the delay P_oi, exp(-(k - P)^2 / 2 sigma^2), divided by its sum, so that P has a gradient;
    sigma shrinks by `set_progress`. In evaluation, G is 1 at round(P) and 0 elsewhere.

    Input: (batch, inputs). Output: (batch, outputs). State `past`: (batch, taps, inputs), the
    newest first.

    Args:
        inputs: number of inputs.
        outputs: number of outputs.
        max_delay: greatest delay, s; there are round(max_delay / dt) + 1 taps.
        dt: time step, s.
        learn_delays: false keeps the delays as they are drawn at first.
        delays: "random" (uniform) or "none" (all 0, without a Gaussian).

    Raises:
        ValueError: max_delay is shorter than dt, or delays is another word.

    """

    state_names: tuple[str, ...] = ("past",)
    final_sigma = 0.23

    def __init__(
        self,
        inputs: int,
        outputs: int,
        max_delay: float,
        dt: float,
        *,
        learn_delays: bool = True,
        delays: str = "random",
    ) -> None:
        super().__init__()
        if dt <= 0 or max_delay < dt or delays not in ("random", "none"):
            raise ValueError(
                f"DelayedLinear: needs 0 < dt <= max_delay and delays 'random' or 'none', "
                f"not dt {dt}, max_delay {max_delay}, delays '{delays}'"
            )
        self.dt, self.taps = dt, round(max_delay / dt) + 1
        self.delays = delays
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        drawn = torch.rand(outputs, inputs) * (self.taps - 1)
        if delays == "none":
            drawn, learn_delays = torch.zeros_like(drawn), False
        self.position = nn.Parameter(drawn, requires_grad=learn_delays)
        self.register_buffer("sigma", torch.tensor(self.taps / 2))
        self.sigma: Tensor

    def delay(self) -> Tensor:
        """(outputs, inputs) delays, s."""
        return self.position.detach().clamp(0, self.taps - 1) * self.dt

    def set_progress(self, share: float) -> None:
        """Set sigma for a share of the training: from taps/2 down to 0.23 steps at a quarter."""
        first = self.taps / 2
        self.sigma.fill_(first * (self.final_sigma / first) ** min(1.0, 4 * share))

    def kernel(self) -> Tensor:
        """(taps, outputs, inputs), weights by delay in steps."""
        position = self.position.clamp(0, self.taps - 1)
        k = torch.arange(self.taps, device=position.device).view(-1, 1, 1)
        if not self.training or self.delays == "none":
            return self.weight * (k == torch.round(position))
        bell = torch.exp(-((k - position) ** 2) / (2 * self.sigma**2))
        return self.weight * bell / (bell.sum(0) + 1e-7)

    def state_shape(self, x: Tensor) -> torch.Size:
        """Shape of the past inputs."""
        self._check(x)
        return torch.Size((len(x), self.taps, x.shape[1]))

    def initial_state(self, x: Tensor) -> State:
        """Silence before the first step."""
        return (x.new_zeros(self.state_shape(x)),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        self._check(x)
        past = torch.cat([x.unsqueeze(1), state[0][:, :-1]], dim=1)
        return torch.einsum("bki,koi->bo", past, self.kernel()), (past,)

    def sequence(self, x: Tensor) -> Tensor:
        """All steps of (time, batch, inputs) at once, from the state that is held."""
        self._check(x[0])
        (past,) = self.initial_state(x[0]) if self.state is None else self.state
        known = torch.cat([past[:, :-1].flip(1), x.transpose(0, 1)], dim=1)
        kernel = self.kernel().flip(0).permute(1, 2, 0)
        y = nn.functional.conv1d(known.transpose(1, 2), kernel)
        self.state = (known[:, -self.taps :].flip(1),)
        return y.permute(2, 0, 1)

    def _check(self, x: Tensor) -> None:
        if x.ndim != 2 or x.shape[1] != self.weight.shape[1]:
            raise ShapeError(
                f"layer '{self.label}': needs (batch, {self.weight.shape[1]}), not {tuple(x.shape)}"
            )
