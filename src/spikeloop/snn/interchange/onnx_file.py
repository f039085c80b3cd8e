"""ONNX models of one time step: states go in and come out, so that any runtime can stream it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from spikeloop.snn.stateful import State, Stateful, reset, stateful_layers


class StatelessStep(nn.Module):
    """A model as a pure function: forward(x, *states) gives (y, *states).

    The states are those of `names`, in that order, as `state_of` names them. The model's own
    states are left out of it, and forgotten.

    Args:
        model: any module.
        x: an input (batch, ...), to find the states' shapes.

    Attributes:
        names: the states' names.
        first: the states before the first step.

    """

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        super().__init__()
        self.model = model
        reset(model)
        before: dict[Stateful, State] = {}
        hooks = [
            layer.register_forward_pre_hook(
                lambda module, given: before.update({module: module.initial_state(given[0])})
            )
            for _, layer in stateful_layers(model)
        ]
        with torch.no_grad():
            model(x)
        for hook in hooks:
            hook.remove()
        self.layers = {
            name: layer for name, layer in stateful_layers(model) if layer.state is not None
        }
        self.names: list[str] = []
        first: list[Tensor] = []
        for name, layer in self.layers.items():
            self.names += [f"{name}.{state}" if name else state for state in layer.state_names]
            first += before.get(layer) or tuple(
                torch.zeros_like(tensor) for tensor in layer.state or ()
            )
        self.first = tuple(tensor.detach() for tensor in first)
        reset(model)

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """One time step."""
        left = list(states)
        for layer in self.layers.values():
            count = len(layer.state_names)
            layer.state, left = tuple(left[:count]), left[count:]
        y = self.model(x)
        after: list[Tensor] = []
        for layer in self.layers.values():
            after += layer.state or ()
            layer.state = None
        return (y, *after)


def write_onnx(model: nn.Module, path: str | Path, x: Tensor) -> StatelessStep:
    """Write one time step of a model, in evaluation mode, as an ONNX file.

    Its inputs are `input` and each state by its name, its outputs `output` and the same states
    with ".next" behind. Feed zeros, or `first` of what is returned, before the first step.

    Args:
        model: any module whose operations ONNX has.
        path: the file.
        x: an input (batch, ...); the file holds for its shape.

    Returns:
        The same step in torch.

    Raises:
        ModuleNotFoundError: onnxscript is missing (`pip install spikeloop[onnx]`).

    """
    was_training = model.training
    model.eval()
    step = StatelessStep(model, x).eval()
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            step,
            (x, *step.first),
            input_names=["input", *step.names],
            output_names=["output", *(f"{name}.next" for name in step.names)],
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("the exporter gave no model")
    program.save(str(path))
    model.train(was_training)
    return step


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of packages that it doesn't need."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
