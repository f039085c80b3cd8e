"""What the event-driven engine can run, and the arrays that it needs for it.

A model is a chain of stages: a synapse (convolution or linear layer, with batch normalisation and
sum or average pooling folded in) and its neurons, or a spike-element-wise block that adds the
spikes of its input to those of its last stage. What isn't such a chain is refused with a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikeloop.snn.engine.kernels import GEOMETRY, SWEEP
from spikeloop.snn.engine.quantisation import rounded
from spikeloop.snn.engine.vectors import (
    BACK,
    DRIVE,
    GAIN,
    KEEP,
    LANES,
    LEFT,
    TABLE_ROWS,
    THRESHOLD,
)
from spikeloop.snn.graph import GraphNetwork
from spikeloop.snn.layers.membrane_norm import MembraneNormLIF
from spikeloop.snn.layers.residual import SEW
from spikeloop.snn.neurons.integrate import IF, Integrator, LeakyIntegrator
from spikeloop.snn.neurons.lif import LIF, PLIF
from spikeloop.snn.neurons.neuron import Neuron
from spikeloop.snn.stateful import per_channel

Floats = NDArray[np.float32]
WEIGHTS = ("float32", "int8")
STEPS = SWEEP + 2
"""Silent steps for which there are tables."""

FIRING = (LIF, PLIF, IF)
SILENT = (LeakyIntegrator, Integrator)


class NotEventDrivenError(ValueError):
    """The engine has no event-driven form of a model; the message names the layer and why."""


@dataclass
class Stage:
    """A synapse and its neurons.

    Attributes:
        neuron: the layer whose state this stage holds, or None for a bare synapse at the end.
        weight: (kernel rows, kernel columns * channels in, padded channels), float32 or int8.
        geometry: int64, see `kernels.GEOMETRY`.
        table: (TABLE_ROWS, padded) float32.
        power: (STEPS, padded) float32: n silent steps make power[n] v + shift[n] of v.
        shift: likewise.
        always: whether every pixel must be updated in every step.
        gives_states: whether the output is the states instead of spikes.
        flat: whether the neurons are features, not pixels.
        shortcut: index of the stage whose input's spikes are added to the output, or None.

    """

    neuron: Neuron | None
    weight: Floats | NDArray[np.int8]
    geometry: NDArray[np.int64]
    table: Floats
    power: Floats
    shift: Floats
    always: bool
    gives_states: bool
    flat: bool
    shortcut: int | None = None

    def size(self, name: str) -> int:
        """One number of the geometry, by its name."""
        return int(self.geometry[GEOMETRY.index(name)])


@dataclass
class _Synapse:
    """A synapse that waits for its neurons: weight (out, in, rows, columns), float64."""

    weight: Tensor
    bias: Tensor
    stride: tuple[int, int]
    padding: tuple[int, int]
    name: str


class Planner:
    """Walks along a model's layers and makes stages of them.

    Args:
        shape: (channels, rows, columns) or (features,) of the input.
        weights: "float32" or "int8".

    """

    def __init__(self, shape: Sequence[int], weights: str = "float32") -> None:
        self.weights = weights
        self.shape = tuple(shape)
        self.stages: list[Stage] = []
        self._pool = (1, 1, 1.0)
        self._flat = len(self.shape) == 1
        if self._flat:
            self.shape = (self.shape[0], 1, 1)
        self._synapse: _Synapse | None = None

    def add(self, layer: nn.Module, name: str) -> None:
        """Take the next layer.

        Raises:
            NotEventDrivenError: there is no form for it, here.

        """
        if isinstance(layer, GraphNetwork):
            if not layer.is_chain():
                raise NotEventDrivenError(f"'{name or 'the network'}' has branches or cycles")
            for node in layer.order[1:-1]:
                self.add(layer.layer(node), node)
        elif isinstance(layer, nn.Sequential):
            for key, inner in layer.named_children():
                self.add(inner, f"{name}.{key}" if name else key)
        elif isinstance(layer, SEW):
            self._add_block(layer, name)
        elif isinstance(layer, (nn.Identity, nn.Dropout)):
            pass
        elif isinstance(layer, (nn.Conv2d, nn.Linear)):
            self._no_synapse_waits(name)
            self._synapse = (
                self._conv(layer, name)
                if isinstance(layer, nn.Conv2d)
                else (self._linear(layer, name))
            )
        elif isinstance(layer, nn.BatchNorm2d):
            self._norm(layer, name)
        elif isinstance(layer, nn.AvgPool2d):
            self._add_pool(layer, name)
        elif isinstance(layer, nn.Flatten):
            self._flatten(name)
        elif type(layer) in (*FIRING, *SILENT, MembraneNormLIF):
            self._neurons(layer, name)
        else:
            raise NotEventDrivenError(f"'{name}' is a {type(layer).__name__}")

    def finish(self) -> list[Stage]:
        """The stages; a synapse at the end without neurons gives its sums.

        Raises:
            NotEventDrivenError: there is no stage, or a pooling at the end.

        """
        if self._synapse is not None:
            self._stage(self._synapse, None)
        if self._pool != (1, 1, 1.0) or not self.stages:
            raise NotEventDrivenError("it doesn't end with neurons or a synapse")
        return self.stages

    def _no_synapse_waits(self, name: str) -> None:
        if self._synapse is not None:
            raise NotEventDrivenError(f"'{self._synapse.name}' has no neurons before '{name}'")
        if self.stages and self.stages[-1].gives_states:
            raise NotEventDrivenError(f"'{name}' follows neurons that don't fire")

    def _conv(self, layer: nn.Conv2d, name: str) -> _Synapse:
        if layer.groups != 1 or layer.dilation != (1, 1) or layer.padding_mode != "zeros":
            raise NotEventDrivenError(f"'{name}' has groups, dilation or another padding")
        if isinstance(layer.padding, str) or self._flat:
            raise NotEventDrivenError(f"'{name}': padding '{layer.padding}' or a flat input")
        rows, columns, factor = self._pool
        weight = layer.weight.detach().double() * factor
        weight = weight.repeat_interleave(rows, 2).repeat_interleave(columns, 3)
        self._pool = (1, 1, 1.0)
        stride = (layer.stride[0] * rows, layer.stride[1] * columns)
        padding = (int(layer.padding[0]) * rows, int(layer.padding[1]) * columns)
        return _Synapse(weight, _bias(layer), stride, padding, name)

    def _linear(self, layer: nn.Linear, name: str) -> _Synapse:
        channels, rows, columns = self.shape
        if not self._flat:
            raise NotEventDrivenError(f"'{name}' needs a Flatten before it")
        pool_rows, pool_columns, factor = self._pool
        inputs = channels * (rows // pool_rows) * (columns // pool_columns)
        if layer.in_features != inputs:
            raise NotEventDrivenError(f"'{name}' takes {layer.in_features} inputs, not {inputs}")
        weight = layer.weight.detach().double() * factor
        weight = weight.reshape(-1, channels, rows // pool_rows, columns // pool_columns)
        weight = weight.repeat_interleave(pool_rows, 2).repeat_interleave(pool_columns, 3)
        self._pool = (1, 1, 1.0)
        return _Synapse(weight, _bias(layer), (1, 1), (0, 0), name)

    def _norm(self, layer: nn.BatchNorm2d, name: str) -> None:
        synapse = self._synapse
        if synapse is None or layer.training or layer.running_var is None:
            raise NotEventDrivenError(f"'{name}' isn't in evaluation mode, or follows no synapse")
        assert layer.running_mean is not None
        scale = 1 / torch.sqrt(layer.running_var.double() + layer.eps)
        shift = torch.zeros_like(scale)
        if layer.affine:
            scale, shift = scale * layer.weight.detach().double(), layer.bias.detach().double()
        synapse.weight = synapse.weight * scale.view(-1, 1, 1, 1)
        synapse.bias = (synapse.bias - layer.running_mean.double()) * scale + shift

    def _add_pool(self, layer: nn.AvgPool2d, name: str) -> None:
        size, stride = _pair(layer.kernel_size), _pair(layer.stride)
        if self._synapse is not None:
            raise NotEventDrivenError(f"'{name}' pools what isn't spikes")
        rows, columns, factor = self._pool
        pooled = (rows * size[0], columns * size[1])
        fits = self.shape[1] % pooled[0] == 0 and self.shape[2] % pooled[1] == 0
        if size != stride or _pair(layer.padding) != (0, 0) or layer.ceil_mode or not fits:
            raise NotEventDrivenError(f"'{name}' pools overlapping or incomplete windows")
        divisor = layer.divisor_override or size[0] * size[1]
        self._pool = (*pooled, factor / divisor)

    def _flatten(self, name: str) -> None:
        if self._synapse is not None:
            raise NotEventDrivenError(f"'{name}' flattens what isn't spikes")
        self._flat = True

    def _add_block(self, block: SEW, name: str) -> None:
        self._no_synapse_waits(name)
        if block.connection != "add" or not isinstance(block.shortcut, nn.Identity):
            raise NotEventDrivenError(f"'{name}' has a shortcut that isn't the sum with its input")
        if self._pool != (1, 1, 1.0):
            raise NotEventDrivenError(f"'{name}' follows a pooling")
        before, first = self.shape, len(self.stages)
        self.add(block.body, f"{name}.body")
        if self._synapse is not None or self.shape != before or self.stages[-1].gives_states:
            raise NotEventDrivenError(f"'{name}': its body's spikes aren't shaped like its input")
        self.stages[-1].shortcut = first

    def _neurons(self, layer: nn.Module, name: str) -> None:
        assert isinstance(layer, Neuron)
        if self._synapse is None:
            raise NotEventDrivenError(f"'{name}' has no synapse before it")
        self._synapse.name = name
        self._stage(self._synapse, layer)

    def _stage(self, synapse: _Synapse, neuron: Neuron | None) -> None:
        outputs, inputs, kernel_rows, kernel_columns = synapse.weight.shape
        channels, rows, columns = self.shape
        if synapse.padding[1] > 63:
            raise NotEventDrivenError(f"'{synapse.name}' has a padding of more than 63 columns")
        if inputs != channels:
            raise NotEventDrivenError(f"'{synapse.name}' takes {inputs} channels, not {channels}")
        padded = -(-outputs // LANES) * LANES
        # Beyond 64 channels, a pixel is updated in blocks of 64, the size of a mask.
        padded = padded if padded <= 4 * LANES else -(-padded // (4 * LANES)) * 4 * LANES
        out_rows = (rows + 2 * synapse.padding[0] - kernel_rows) // synapse.stride[0] + 1
        out_columns = (columns + 2 * synapse.padding[1] - kernel_columns) // synapse.stride[1] + 1
        weight, scale = synapse.weight, None
        if self.weights == "int8":
            weight, scale = rounded(synapse.weight)
        arranged = torch.zeros(kernel_rows, kernel_columns, inputs, padded, dtype=torch.float64)
        arranged[..., :outputs] = weight.permute(2, 3, 1, 0)
        geometry = np.array(
            [rows, columns, channels, out_rows, out_columns, outputs, padded, kernel_rows,
             kernel_columns, *synapse.stride, *synapse.padding], np.int64,
        )  # fmt: skip
        acting = _folded(neuron, synapse.name)
        table = _table(synapse, acting, outputs, padded, (out_rows, out_columns))
        power, shift = _silence(table)
        if scale is not None:
            table[GAIN, :outputs] *= scale.numpy()
        self.stages.append(
            Stage(
                neuron=neuron,
                weight=arranged.flatten(1, 2).numpy().astype(self.weights),
                geometry=geometry,
                table=table.astype(np.float32),
                power=power,
                shift=shift,
                always=type(acting) not in FIRING or _fires_alone(table),
                gives_states=type(acting) not in FIRING,
                flat=self._flat,
            )
        )
        self.shape, self._synapse = (outputs, out_rows, out_columns), None


def plan(model: nn.Module, shape: Sequence[int], weights: str = "float32") -> list[Stage]:
    """The stages of a model for an input of this shape, without batch.

    Args:
        model: see `compiled.compile`.
        shape: of the input.
        weights: "float32" or "int8", see `quantisation`.

    Raises:
        NotEventDrivenError: it isn't a chain of what the engine knows.

    """
    planner = Planner(shape, weights)
    planner.add(model, "")
    return planner.finish()


def _folded(neuron: Neuron | None, name: str) -> Neuron | None:
    """The neurons, without a normalisation of their membranes."""
    if not isinstance(neuron, MembraneNormLIF):
        return neuron
    if neuron.training:
        raise NotEventDrivenError(f"'{name}' isn't in evaluation mode")
    try:
        return neuron.fold()
    except ValueError as error:
        raise NotEventDrivenError(f"'{name}': {error}") from error


def _bias(layer: nn.Conv2d | nn.Linear) -> Tensor:
    if layer.bias is None:
        return torch.zeros(len(layer.weight), dtype=torch.float64)
    return layer.bias.detach().double()


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _table(
    synapse: _Synapse,
    neuron: Neuron | None,
    outputs: int,
    padded: int,
    size: tuple[int, int],
) -> NDArray[np.float64]:
    """Parameters by channel; see `vectors`."""
    table = np.zeros((TABLE_ROWS, padded))
    table[THRESHOLD] = np.inf
    if neuron is None:
        table[GAIN, :outputs], table[DRIVE, :outputs] = 1.0, synapse.bias.numpy()
        return table
    assert isinstance(neuron, (LIF, IF))
    like = torch.empty(1, outputs, *size, dtype=torch.float64)

    def channels(value: Tensor) -> NDArray[np.float64]:
        return _one_a_channel(value.detach().double(), like, synapse.name)

    keep, gain, rest = (channels(value) for value in neuron.coefficients(like))
    table[KEEP, :outputs], table[GAIN, :outputs] = keep, gain
    table[DRIVE, :outputs] = gain * synapse.bias.numpy() + (1 - keep) * rest
    if type(neuron) in FIRING:
        threshold = channels(neuron.value("threshold"))
        table[THRESHOLD, :outputs] = threshold
        table[LEFT] = float(neuron.reset_mode != "hard")
        resting = channels(neuron.value("v_reset"))
        back = {"hard": resting, "soft": -threshold, "none": 0 * threshold}
        table[BACK, :outputs] = back[neuron.reset_mode]
    return table


def _one_a_channel(value: Tensor, like: Tensor, name: str) -> NDArray[np.float64]:
    fitted = per_channel(value, like, name, "a parameter") if value.ndim < like.ndim - 1 else value
    whole = fitted.expand(like.shape[1:]).flatten(1)
    if not bool((whole == whole[:, :1]).all()):
        raise NotEventDrivenError(f"'{name}' has parameters that differ within a channel")
    found: NDArray[np.float64] = whole[:, 0].numpy()
    return found


def _silence(table: NDArray[np.float64]) -> tuple[Floats, Floats]:
    keep, drive = table[KEEP], table[DRIVE]
    power = np.ones((STEPS, len(keep)))
    shift = np.zeros((STEPS, len(keep)))
    for n in range(1, STEPS):
        power[n] = power[n - 1] * keep
        shift[n] = shift[n - 1] * keep + drive
    return power.astype(np.float32), shift.astype(np.float32)


def _fires_alone(table: NDArray[np.float64]) -> bool:
    """Whether a channel at rest comes to its threshold, and a pixel so can't be left alone."""
    keep, drive, threshold = table[KEEP], table[DRIVE], table[THRESHOLD]
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(keep < 1, drive / (1 - keep), np.where(drive > 0, np.inf, 0.0))
    return bool((np.nan_to_num(rest, nan=0.0, posinf=np.inf) >= threshold).any())
