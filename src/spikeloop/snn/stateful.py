"""What all modules with a memory share: a pure step, a streaming form, a multi-step form.

`step(x, state) -> (y, state)` is the functional form. Called as a module, it keeps the state
between calls (streaming, one step a call). `run` feeds a whole sequence to any model, stateful or
not, through the same steps, so that both forms give the same numbers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]


class ShapeError(ValueError):
    """An input doesn't fit a layer or its state; the message names the layer and the shapes."""


class StateError(ValueError):
    """A saved state doesn't fit a model; the message names the entry."""


class Stateful(nn.Module):
    """A module with a state of one or several tensors, None until the first step.

    A subclass gives `state_names`, `initial_state` and `step`, and `state_shape` where its first
    state isn't shaped like its input.
    """

    state_names: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.state: State | None = None
        self.label = type(self).__name__

    def initial_state(self, x: Tensor) -> State:
        """The state before the first step, for an input (batch, ...)."""
        raise NotImplementedError

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step, without side effects."""
        raise NotImplementedError

    def state_shape(self, x: Tensor) -> torch.Size:
        """Shape of the first state tensor for this input."""
        return x.shape

    def forward(self, x: Tensor) -> Tensor:
        """One streaming step.

        Raises:
            ShapeError: the state that is held belongs to another batch size or shape.

        """
        state = self.initial_state(x) if self.state is None else self.state
        if state and state[0].shape != self.state_shape(x):
            raise ShapeError(
                f"layer '{self.label}': its state has shape {tuple(state[0].shape)}, but an input "
                f"of shape {tuple(x.shape)} needs {tuple(self.state_shape(x))}; "
                "call snn.reset(model) before another batch size or picture size"
            )
        y, self.state = self.step(x, state)
        return y

    def sequence(self, x: Tensor) -> Tensor:
        """Several streaming steps at once: (time, batch, ...) in and out."""
        return torch.stack([self(one) for one in x])

    def reset(self) -> None:
        """Forget the state."""
        self.state = None

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Stateful:
        # The state moves with the module to another device or type.
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.state is not None:
            self.state = tuple(fn(tensor) for tensor in self.state)
        return self


def stateful_layers(model: nn.Module) -> Iterator[tuple[str, Stateful]]:
    """Name and module of each stateful layer, in order; a lone layer has the name ''."""
    for name, module in model.named_modules():
        if isinstance(module, Stateful):
            if name:
                module.label = name
            yield name, module


def reset(model: nn.Module) -> None:
    """Forget all states; also names the layers, so that later errors can tell which one it was."""
    for _, layer in stateful_layers(model):
        layer.reset()


def detach(model: nn.Module) -> None:
    """Cut the graph of gradients behind all states, and keep their values."""
    for _, layer in stateful_layers(model):
        if layer.state is not None:
            layer.state = tuple(tensor.detach() for tensor in layer.state)


def run(model: nn.Module, sequence: Tensor, layer_by_layer: bool = False) -> Tensor:
    """Feed a sequence (time, batch, ...) to a model, from the states that it holds.

    Args:
        model: any module; its stateful layers keep their last state.
        sequence: (time, batch, ...), at least one step.
        layer_by_layer: in an nn.Sequential, take all time steps through one layer before the
            next, stateless ones in one call. Often faster on a GPU, slower on a CPU; the numbers
            agree to rounding.

    Returns:
        (time, batch, ...), the output of each step.

    Raises:
        ShapeError: there is no step, or the input doesn't fit a layer; the message names it.

    """
    try:
        return run_unnamed(model, sequence, layer_by_layer)
    except RuntimeError as error:
        name = _layer_of(model, error)
        if name is None:
            raise
        raise ShapeError(f"layer '{name}': {error}") from error


def run_unnamed(model: nn.Module, sequence: Tensor, layer_by_layer: bool = False) -> Tensor:
    """As `run`, but errors of torch's own layers pass as they are; torch.compile can take it."""
    for _ in stateful_layers(model):
        pass
    if sequence.ndim < 2 or len(sequence) == 0:
        raise ShapeError(
            f"a sequence must be (time, batch, ...) with at least one step, not "
            f"{tuple(sequence.shape)}"
        )
    if layer_by_layer and isinstance(model, nn.Sequential):
        for layer in model:
            sequence = _whole(layer, sequence)
        return sequence
    return torch.stack([model(x) for x in sequence])


def _layer_of(model: nn.Module, error: RuntimeError) -> str | None:
    """Name of the innermost layer in which torch said that shapes don't fit, or None."""
    if type(error) is not RuntimeError or not any(
        word in str(error) for word in ("shape", "size", "channels", "dimension")
    ):
        return None
    names = {id(module): name for name, module in model.named_modules()}
    found, trace = None, error.__traceback__
    while trace is not None:
        found = names.get(id(trace.tb_frame.f_locals.get("self")), found)
        trace = trace.tb_next
    return found


def _whole(layer: nn.Module, sequence: Tensor) -> Tensor:
    if isinstance(layer, nn.Sequential):
        return run(layer, sequence, layer_by_layer=True)
    if isinstance(layer, Stateful):
        return layer.sequence(sequence)
    if any(True for _ in stateful_layers(layer)):
        return torch.stack([layer(x) for x in sequence])
    y: Tensor = layer(sequence.flatten(0, 1))
    return y.reshape(*sequence.shape[:2], *y.shape[1:])


def copy_without_state(model: nn.Module) -> nn.Module:
    """A deep copy of a model, without its states, which may belong to a graph of gradients."""
    held = [(layer, layer.state) for _, layer in stateful_layers(model)]
    reset(model)
    try:
        return copy.deepcopy(model)
    finally:
        for layer, state in held:
            layer.state = state


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """Copies of all state tensors, by "LAYER.NAME"; layers that haven't stepped have none.

    The dictionary can be written by `torch.save` and read by `torch.load(weights_only=True)`.
    """
    return {
        key: tensor.detach().clone()
        for name, layer in stateful_layers(model)
        if layer.state is not None
        for key, tensor in zip(_keys(name, layer), layer.state, strict=True)
    }


def load_state(model: nn.Module, states: Mapping[str, Tensor]) -> None:
    """Put states back that `state_of` gave; layers without an entry forget theirs.

    Raises:
        StateError: an entry belongs to no layer, or a layer has only some of its entries. Then
            nothing is changed.

    """
    left = set(states)
    found: list[tuple[Stateful, State | None]] = []
    for name, layer in stateful_layers(model):
        keys = _keys(name, layer)
        there = [key for key in keys if key in states]
        if there and len(there) < len(keys):
            raise StateError(f"the state of layer '{name}' lacks {sorted(set(keys) - set(there))}")
        found.append((layer, tuple(states[key].clone() for key in there) or None))
        left -= set(there)
    if left:
        raise StateError(f"the model has no layer for the states {sorted(left)}")
    for layer, state in found:
        layer.state = state


def _keys(name: str, layer: Stateful) -> list[str]:
    return [f"{name}.{state}" if name else state for state in layer.state_names]


def per_channel(value: Tensor, x: Tensor, layer: str, name: str) -> Tensor:
    """A parameter, in its own type, shaped to broadcast against x.

    Args:
        value: () for all, (channels,) for dimension 1 of x, or x.shape[1:] for each neuron.
        x: (batch, channels, ...).
        layer: its name, for the message.
        name: the parameter's name, for the message.

    Raises:
        ShapeError: it doesn't fit.

    """
    if value.ndim == 0 or (value.shape == x.shape[1:]):
        return value
    if value.ndim == 1 and x.ndim > 1 and len(value) in (1, x.shape[1]):
        return value.view(-1, *(1,) * (x.ndim - 2))
    raise ShapeError(
        f"layer '{layer}': {name} has shape {tuple(value.shape)}, which fits neither the channels "
        f"nor the neurons of an input of shape {tuple(x.shape)}"
    )


def tensor_of(value: Any) -> Tensor:
    """A float tensor of a number, an array or a tensor; arrays keep their type.

    Numbers become float64, so that nothing is lost before the layer rounds to its input's type.
    """
    if isinstance(value, (int, float)):
        return torch.tensor(float(value), dtype=torch.float64)
    return torch.as_tensor(value).detach().clone()
