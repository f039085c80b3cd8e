"""Residual blocks for deep spiking networks: SEW and EMS."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from spikeloop.parameters import suggestion

CONNECTIONS = ("add", "and", "iand")


class SEW(nn.Module):
    """Spike-element-wise block: g(body(x), shortcut(x)) (Fang et al., arXiv 2102.04159, eq. 5).

    "add": A + S (then whole numbers, not only 0 and 1), "and": A S, "iand": (1 - A) S.

    Args:
        body: x -> spikes A, (batch, channels, height, width).
        connection: g, one of the above.
        shortcut: x -> spikes S, shaped like A; x itself where none is given.

    Raises:
        ValueError: an unknown connection.

    """

    def __init__(
        self, body: nn.Module, connection: str = "add", shortcut: nn.Module | None = None
    ) -> None:
        super().__init__()
        if connection not in CONNECTIONS:
            raise ValueError(
                f"connection must be one of {', '.join(CONNECTIONS)}, not "
                f"'{connection}'{suggestion(connection, CONNECTIONS)}"
            )
        self.body, self.connection = body, connection
        self.shortcut = shortcut or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """One time step."""
        a, s = self.body(x), self.shortcut(x)
        if self.connection == "add":
            joined: Tensor = a + s
        else:
            joined = (a if self.connection == "and" else 1 - a) * s
        return joined


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution without bias that keeps the size (by the stride), then batch normalisation."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


def sew_block(channels: int, neuron: Callable[[], nn.Module], connection: str = "add") -> SEW:
    """The basic block of a SEW ResNet: twice convolution 3x3, normalisation, neuron."""
    body = [conv_norm(channels, channels, 3), neuron(), conv_norm(channels, channels, 3), neuron()]
    return SEW(nn.Sequential(*body), connection)


class EMS(nn.Module):
    """Energy-efficient membrane-shortcut block (EMS-YOLO: arXiv 2307.11411, fig. 2).

    The body is twice neuron, convolution 3x3, normalisation. The shortcut carries currents, not
    spikes: x itself where the shape stays; max-pool, neuron, convolution 1x1, normalisation
    where it changes (block 1); or with `widen`, max-pool of x joined with neuron, convolution
    1x1, normalisation of it for the new channels (block 2). So every convolution sees spikes.

    Input: (batch, inputs, height, width) currents. Output: (batch, outputs, height / stride,
    width / stride); the size must be a multiple of the stride.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        neuron: makes a neuron layer.
        stride: 1 or more.
        widen: block 2; outputs must then exceed inputs.

    Raises:
        ValueError: widen without more outputs than inputs.

    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        neuron: Callable[[], nn.Module],
        stride: int = 1,
        widen: bool = False,
    ) -> None:
        super().__init__()
        if widen and outputs <= inputs:
            raise ValueError(f"widen needs more outputs ({outputs}) than inputs ({inputs})")
        self.body = nn.Sequential(
            neuron(),
            conv_norm(inputs, outputs, 3, stride),
            neuron(),
            conv_norm(outputs, outputs, 3),
        )
        self.pool = nn.MaxPool2d(stride) if stride > 1 else nn.Identity()
        self.added: nn.Module | None = None
        self.shortcut: nn.Module = nn.Identity()
        if widen:
            self.added = nn.Sequential(neuron(), conv_norm(inputs, outputs - inputs, 1))
        elif stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(neuron(), conv_norm(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        """One time step."""
        body: Tensor = self.body(x)
        if self.added is not None:
            aside: Tensor = self.pool(torch.cat([self.added(x), x], dim=1))
        else:
            aside = self.shortcut(self.pool(x))
        return body + aside
