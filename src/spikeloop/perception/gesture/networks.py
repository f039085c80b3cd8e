"""The networks: LIF over eight steps, and Hoyer neurons in a single one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikeloop.installed import weights_file
from spikeloop.perception.gesture.clips import CHANNELS, SIZE, STEP_US, STEPS
from spikeloop.snn.neurons.lif import LIF
from spikeloop.snn.training.hoyer import HoyerSpike

DT = STEP_US * 1e-6
TAU = 0.5
CLASSES = 10
WIDTHS = {"steps": (24, 48, 96, 128), "hoyer": (16, 32, 96, 128)}
"""Channels of each layer; the first two of "hoyer" give theirs for each of the eight pictures."""
APART = 2
DROPOUT = 0.2
KINDS = tuple(WIDTHS)


class WeightsError(ValueError):
    """A file of weights can't be taken; the message names it and why."""


class Apart(nn.Module):
    """Pictures become samples: (batch, pictures x c, ...) to (batch x pictures, c, ...).

    Args:
        pictures: how many there are.

    """

    def __init__(self, pictures: int) -> None:
        super().__init__()
        self.pictures = pictures

    def forward(self, x: Tensor) -> Tensor:
        """See above."""
        return x.reshape(-1, x.shape[1] // self.pictures, *x.shape[2:])


class Together(nn.Module):
    """Undoes `Apart`.

    Args:
        pictures: how many there are of each sample.

    """

    def __init__(self, pictures: int) -> None:
        super().__init__()
        self.pictures = pictures

    def forward(self, x: Tensor) -> Tensor:
        """See above."""
        return x.reshape(-1, self.pictures * x.shape[1], *x.shape[2:])


def network(kind: str) -> nn.Sequential:
    """Four convolutions with normalisation and neurons, read-out.

    Input (batch, 8, 64, 64) a step, or (batch, 64, 64, 64) once. Output: (batch, 10), the step's
    logits. In one step, the first two convolutions go over each of the eight pictures by itself,
    with the same weights, as they do in eight steps; the third takes the spikes of all at once.

    Args:
        kind: "steps" (LIF, tau 0.5 s, 8 steps of 0.2 s) or "hoyer" (one step).

    Raises:
        ValueError: an unknown kind.

    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not '{kind}'")
    one = kind == "hoyer"
    layers: list[nn.Module] = [Apart(STEPS)] if one else []
    channels = CHANNELS
    for k, width in enumerate(WIDTHS[kind]):
        size = 5 if k == 0 else 3
        layers += [
            nn.Conv2d(channels, width, size, stride=2, padding=size // 2, bias=False),
            nn.BatchNorm2d(width),
            HoyerSpike() if one else LIF(TAU, DT, unit_input=True, detach_reset=True),
        ]
        channels = width
        if one and k == APART - 1:
            layers.append(Together(STEPS))
            channels *= STEPS
    left = (SIZE // 2 ** len(WIDTHS[kind])) ** 2
    read_out = nn.Linear(left * channels, CLASSES)
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(DROPOUT), read_out)


def save_network(model: nn.Module, path: Path, notes: dict[str, Any]) -> None:
    """Write weights (.npz) and beside them what is known of them (.json)."""
    arrays = {key: value.detach().cpu().numpy() for key, value in model.state_dict().items()}
    np.savez_compressed(path, **arrays)
    text = json.dumps(notes, indent=1) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8")


def load_network(kind: str, name: str) -> tuple[nn.Sequential, dict[str, Any]]:
    """A trained network in evaluation mode, and its notes.

    Args:
        kind: see `network`.
        name: of a file in weights/, or the path of an .npz.

    Raises:
        UnknownWeightsError: there is no such file.
        WeightsError: it isn't of this kind, or its .json is missing.

    """
    path = weights_file(name, ".npz")
    model = network(kind)
    try:
        notes = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        with np.load(path) as content:
            state = {key: torch.from_numpy(np.array(content[key])) for key in content.files}
        model.load_state_dict(state)
    except (OSError, RuntimeError, ValueError) as error:
        raise WeightsError(f"{path} is no gesture network of kind '{kind}': {error}") from error
    return model.eval(), notes
