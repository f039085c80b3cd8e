"""NIR nodes to layers and back; one pair of functions a kind of node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import nir
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikeloop.snn.layers.elementwise import Scale, Threshold
from spikeloop.snn.layers.fixed_delay import Delay
from spikeloop.snn.neurons.current_based import CurrentIntegrator, CurrentLIF
from spikeloop.snn.neurons.integrate import IF, Integrator, LeakyIntegrator
from spikeloop.snn.neurons.lif import LIF, PLIF
from spikeloop.snn.neurons.neuron import Neuron, decay

Array = NDArray[Any]


class NIRError(ValueError):
    """A NIR file or network can't be taken; the message names the node."""


class Timing(NamedTuple):
    """What NIR has no word for: the time step in s, the reset, the solver."""

    dt: float
    reset: str
    solver: str


def _parameter(array: Any) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.array(array)))


def _linear(node: Any, timing: Timing) -> nn.Module:
    if node.weight.ndim != 2:
        raise NIRError(f"needs a weight of 2 dimensions, not {node.weight.shape}")
    bias = getattr(node, "bias", None)
    layer = nn.Linear(node.weight.shape[1], node.weight.shape[0], bias=bias is not None)
    layer.weight = _parameter(node.weight)
    if bias is not None:
        layer.bias = _parameter(bias)
    return layer


def _numbers(value: Any) -> Any:
    """A number, a tuple or a word, from what files hold for strides and the like."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, str):
        return value
    flat = np.atleast_1d(value).tolist()
    return flat[0] if len(flat) == 1 else tuple(flat)


def _conv(node: Any, timing: Timing) -> nn.Module:
    kind: Any = nn.Conv2d if node.weight.ndim == 4 else nn.Conv1d
    groups = int(node.groups)
    layer: nn.Conv1d | nn.Conv2d = kind(
        node.weight.shape[1] * groups,
        node.weight.shape[0],
        node.weight.shape[2:],
        _numbers(node.stride),
        _numbers(node.padding),
        _numbers(node.dilation),
        groups,
    )
    layer.weight, layer.bias = _parameter(node.weight), _parameter(node.bias)
    return layer


def _pool(node: Any, timing: Timing) -> nn.Module:
    divisor = 1 if isinstance(node, nir.SumPool2d) else None
    return nn.AvgPool2d(
        _numbers(node.kernel_size),
        _numbers(node.stride),
        _numbers(node.padding),
        divisor_override=divisor,
    )


def _flatten(node: Any, timing: Timing) -> nn.Module:
    start, end = int(node.start_dim), int(node.end_dim)
    # Theirs don't count the batch.
    return nn.Flatten(start + (start >= 0), end + (end >= 0))


def _neuron(kind: Callable[..., Neuron], *names: str) -> Callable[[Any, Timing], nn.Module]:
    renamed = {"tau_mem": "tau", "v_threshold": "threshold"}

    def make(node: Any, timing: Timing) -> nn.Module:
        given = {renamed.get(name, name): np.array(getattr(node, name)) for name in names}
        if "threshold" not in given:
            return kind(dt=timing.dt, solver=timing.solver, **given)
        return kind(dt=timing.dt, solver=timing.solver, reset=timing.reset, **given)

    return make


FROM_NIR: dict[type, Callable[[Any, Timing], nn.Module]] = {
    nir.Linear: _linear,
    nir.Affine: _linear,
    nir.Conv1d: _conv,
    nir.Conv2d: _conv,
    nir.SumPool2d: _pool,
    nir.AvgPool2d: _pool,
    nir.Flatten: _flatten,
    nir.Scale: lambda node, timing: Scale(np.array(node.scale)),
    nir.Threshold: lambda node, timing: Threshold(np.array(node.threshold)),
    nir.Delay: lambda node, timing: Delay(np.array(node.delay), timing.dt),
    nir.LIF: _neuron(LIF, "tau", "r", "v_leak", "v_threshold", "v_reset"),
    nir.LI: _neuron(LeakyIntegrator, "tau", "r", "v_leak"),
    nir.IF: _neuron(IF, "r", "v_threshold", "v_reset"),
    nir.I: _neuron(Integrator, "r"),
    nir.CubaLIF: _neuron(
        CurrentLIF, "tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"
    ),
    nir.CubaLI: _neuron(CurrentIntegrator, "tau_syn", "tau_mem", "r", "v_leak", "w_in"),
}
"""How each kind of node becomes a layer."""


def node_of(layer: nn.Module, shape: Sequence[int]) -> Any:
    """The NIR node of a layer whose input has this shape, without batch.

    Raises:
        NIRError: NIR has no node for it.

    """
    maker = TO_NIR.get(type(layer))
    if maker is None:
        known = ", ".join(sorted(kind.__name__ for kind in TO_NIR))
        raise NIRError(f"a {type(layer).__name__} has no node in NIR; there are nodes for: {known}")
    return maker(layer, tuple(shape))


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.detach().cpu().numpy()
    return array


def _linear_node(layer: nn.Linear, shape: tuple[int, ...]) -> Any:
    if layer.bias is None:
        return nir.Linear(weight=_array(layer.weight))
    return nir.Affine(weight=_array(layer.weight), bias=_array(layer.bias))


def _conv_node(layer: nn.Conv1d | nn.Conv2d, shape: tuple[int, ...]) -> Any:
    two = isinstance(layer, nn.Conv2d)
    weight = _array(layer.weight)

    def pair(value: Any) -> Any:
        if isinstance(value, str):
            return value
        return tuple(value) if two else int(value[0])

    return (nir.Conv2d if two else nir.Conv1d)(
        input_shape=tuple(shape[1:]) if two else int(shape[1]),
        weight=weight,
        stride=pair(layer.stride),
        padding=pair(layer.padding),
        dilation=pair(layer.dilation),
        groups=layer.groups,
        bias=np.zeros(len(weight), weight.dtype) if layer.bias is None else _array(layer.bias),
    )


def _pool_node(layer: nn.AvgPool2d, shape: tuple[int, ...]) -> Any:
    def pair(value: Any) -> Array:
        return np.array((value, value) if isinstance(value, int) else value)

    if layer.ceil_mode or layer.divisor_override not in (None, 1):
        raise NIRError("an AvgPool2d with ceil_mode or another divisor has no node in NIR")
    kind = nir.SumPool2d if layer.divisor_override == 1 else nir.AvgPool2d
    return kind(pair(layer.kernel_size), pair(layer.stride), pair(layer.padding))


def _flatten_node(layer: nn.Flatten, shape: tuple[int, ...]) -> Any:
    start, end = layer.start_dim, layer.end_dim
    if start == 0:
        raise NIRError("a Flatten over the batch has no node in NIR")
    return nir.Flatten({"input": np.array(shape)}, start - (start > 0), end - (end > 0))


def _per_neuron(layer: Neuron, shape: tuple[int, ...], *names: str) -> dict[str, Array]:
    """Parameters, each with one value a neuron, as NIR wants them; arrays of a file unchanged."""
    like = torch.empty(1, *shape)
    tensors = {name: layer.shaped(name, like) for name in names}
    if getattr(layer, "unit_input", False):
        _scale_to_current(layer, tensors, like)
    return {
        name: _array(tensor.expand(1, *shape)[0] if tensor.ndim <= len(shape) else tensor[0]).copy()
        for name, tensor in tensors.items()
    }


def _scale_to_current(layer: Neuron, tensors: dict[str, Tensor], like: Tensor) -> None:
    # NIR's inputs are currents: r and w_in so that a step of them has the charge's effect.
    if "tau" not in tensors:
        tensors["r"] = tensors["r"].double() / layer.dt
        return
    keep = decay(tensors["tau"].double(), layer.dt, layer.solver)
    tensors["r"] = tensors["r"].double() / (1 - keep)
    if "tau_syn" in tensors:
        keep = decay(tensors["tau_syn"].double(), layer.dt, layer.solver)
        tensors["w_in"] = tensors["w_in"].double() / (1 - keep)


def _neuron_node(kind: Any, *names: str) -> Callable[[Any, tuple[int, ...]], Any]:
    renamed = {"tau": "tau_mem"} if kind in (nir.CubaLIF, nir.CubaLI) else {}

    def make(layer: Neuron, shape: tuple[int, ...]) -> Any:
        renamed["threshold"] = "v_threshold"
        arrays = _per_neuron(layer, shape, *names)
        return kind(**{renamed.get(name, name): array for name, array in arrays.items()})

    return make


_lif = _neuron_node(nir.LIF, "tau", "r", "v_leak", "threshold", "v_reset")
TO_NIR: dict[type, Callable[[Any, tuple[int, ...]], Any]] = {
    nn.Linear: _linear_node,
    nn.Conv1d: _conv_node,
    nn.Conv2d: _conv_node,
    nn.AvgPool2d: _pool_node,
    nn.Flatten: _flatten_node,
    Scale: lambda layer, shape: nir.Scale(_array(layer.scale)),
    Threshold: lambda layer, shape: nir.Threshold(_array(layer.threshold)),
    Delay: lambda layer, shape: nir.Delay(_array(layer.delay)),
    LIF: _lif,
    PLIF: _lif,
    LeakyIntegrator: _neuron_node(nir.LI, "tau", "r", "v_leak"),
    IF: _neuron_node(nir.IF, "r", "threshold", "v_reset"),
    Integrator: _neuron_node(nir.I, "r"),
    CurrentLIF: _neuron_node(
        nir.CubaLIF, "tau_syn", "tau", "r", "v_leak", "threshold", "v_reset", "w_in"
    ),
    CurrentIntegrator: _neuron_node(nir.CubaLI, "tau_syn", "tau", "r", "v_leak", "w_in"),
}
"""How each kind of layer becomes a node."""
