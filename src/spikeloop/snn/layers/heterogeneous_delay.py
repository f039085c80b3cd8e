"""Convolution with weights at many delays: spatio-temporal kernels on spikes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeloop.snn.stateful import ShapeError, State, Stateful


class HeterogeneousDelayConv(Stateful):
    """Causal convolution over space and delay (HD-SNN: Grimaldi and Perrinet, arXiv 2307.14077).

    y_c(t, x) = b_c + sum over p, d, u of K_c(p, d, u) s_p(t - d dt, x + u). With `light_cone`,
    the kernel is a disc whose radius grows with the delay, since what moves needs time to get far.

    Input: (batch, inputs, height, width). Output: (batch, outputs, height, width), each sum;
    a softmax over channels or a neuron follows. State `past`: (batch, delays, inputs, height,
    width), the newest first.

    Args:
        inputs: channels in, such as 2 polarities.
        outputs: kernels.
        size: width of the kernel, odd.
        delays: number of delays, from 0 to (delays - 1) dt.
        dt: time step, s.
        light_cone: see above.
        bias: whether there is b.

    Raises:
        ValueError: an even size, or a number below 1.

    """

    state_names: tuple[str, ...] = ("past",)

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        delays: int,
        dt: float,
        *,
        light_cone: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if size % 2 == 0 or min(inputs, outputs, size, delays) < 1 or dt <= 0:
            raise ValueError(
                "HeterogeneousDelayConv: needs an odd size and positive numbers, not "
                f"inputs {inputs}, outputs {outputs}, size {size}, delays {delays}, dt {dt}"
            )
        self.dt, self.delays = dt, delays
        fan = inputs * delays * size * size
        self.weight = nn.Parameter(torch.randn(outputs, delays, inputs, size, size) / fan**0.5)
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.register_buffer("mask", torch.ones_like(self.weight))
        self.mask: Tensor
        if light_cone:
            self.mask *= cone(size, delays).view(1, delays, 1, size, size)

    def synapses(self) -> int:
        """Number of weights that are neither masked nor pruned."""
        return int(self.mask.sum())

    def prune(self, synapses: int) -> None:
        """Keep only the weights of greatest magnitude, for good.

        Raises:
            ValueError: fewer than 1, or more than there are.

        """
        if not 1 <= synapses <= self.synapses():
            raise ValueError(f"synapses must be from 1 to {self.synapses()}, not {synapses}")
        size = (self.weight.detach() * self.mask).abs().flatten()
        kept = torch.zeros_like(size)
        kept[size.topk(synapses).indices] = 1
        self.mask.copy_((kept * self.mask.flatten()).view_as(self.mask))

    def state_shape(self, x: Tensor) -> torch.Size:
        """Shape of the past inputs."""
        if x.ndim != 4 or x.shape[1] != self.weight.shape[2]:
            raise ShapeError(
                f"layer '{self.label}': needs (batch, {self.weight.shape[2]}, height, width), "
                f"not {tuple(x.shape)}"
            )
        return torch.Size((len(x), self.delays, *x.shape[1:]))

    def initial_state(self, x: Tensor) -> State:
        """Silence before the first step."""
        return (x.new_zeros(self.state_shape(x)),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step."""
        past = torch.cat([x.unsqueeze(1), state[0][:, :-1]], dim=1)
        kernel = (self.weight * self.mask).flatten(1, 2)
        padding = self.weight.shape[-1] // 2
        return nn.functional.conv2d(past.flatten(1, 2), kernel, self.bias, padding=padding), (past,)


def cone(size: int, delays: int) -> Tensor:
    """(delays, size, size) float32, 1 within the disc of radius size/2 (d + 1) / delays, else 0.

    The centre is always in.
    """
    axis = torch.arange(size) - size // 2
    distance = torch.sqrt(axis.view(-1, 1) ** 2 + axis.view(1, -1) ** 2)
    radius = size / 2 * (torch.arange(delays) + 1) / delays
    return ((distance <= radius.view(-1, 1, 1)) | (distance == 0)).to(torch.float32)
