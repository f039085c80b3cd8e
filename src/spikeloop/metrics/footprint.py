"""Size and sparsity of a network: bytes, connections that are zero."""

from __future__ import annotations

import torch
from torch import nn

CONNECTIONS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def footprint(model: nn.Module) -> int:
    """Bytes of all parameters and buffers, as NeuroBench counts (Yik et al., 2304.04640)."""
    return sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers()))


def state_footprint(model: nn.Module) -> int:
    """Bytes of the states that the model's stateful layers hold now."""
    states = [getattr(module, "state", None) or () for module in model.modules()]
    return sum(
        t.numel() * t.element_size() for state in states for t in state if torch.is_tensor(t)
    )


def connection_sparsity(model: nn.Module) -> float:
    """Share of weights that are zero, in linear and convolutional layers and those with a mask.

    Raises:
        ValueError: the model has no such layer.

    """
    zeros = weights = 0
    for module in model.modules():
        mask = getattr(module, "mask", None)
        weight = getattr(module, "weight", None)
        connected = isinstance(module, CONNECTIONS) or (
            hasattr(module, "dt") and torch.is_tensor(weight)
        )
        if connected and torch.is_tensor(weight):
            kept = weight if mask is None else weight * mask
            zeros += int((kept == 0).sum())
            weights += weight.numel()
    if weights == 0:
        raise ValueError("the model has no layer with connections")
    return zeros / weights
