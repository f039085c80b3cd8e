"""Trained decision transformers on disk: arrays in an .npz, without pickles.

One file holds all of a task: for each training seed both models with their scaling, as arrays
`KIND/SEED/NAME`; the sizes are in the JSON of the same name, with how it was made.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikeloop.control.decision_transformer.compiled import CompiledStream
from spikeloop.control.decision_transformer.config import ModelConfig
from spikeloop.control.decision_transformer.problems import Floats, Problem
from spikeloop.control.decision_transformer.scaling import Scaling
from spikeloop.installed import weights_file
from spikeloop.parameters import build_config

if TYPE_CHECKING:
    from spikeloop.control.decision_transformer.training import Model

Arrays = dict[str, Floats]


class BadWeightsError(ValueError):
    """A file holds no decision transformers; the message says what is wrong with it."""


@dataclass(frozen=True)
class Trained:
    """One trained model, with what its inputs must be scaled by."""

    model: Model
    scaling: Scaling


def arrays_of(kind: str, seed: int, trained: Trained) -> Arrays:
    """The arrays of one model, by their name in the file."""
    found = {f"model/{k}": v.numpy() for k, v in trained.model.state_dict().items()}
    found |= {f"scaling/{k}": np.asarray(v) for k, v in asdict(trained.scaling).items()}
    return {f"{kind}/{seed}/{name}": value for name, value in found.items()}


def save(path: Path, arrays: Mapping[str, Floats], sidecar: Mapping[str, Any]) -> None:
    """Write the file and its JSON, each whole or not at all.

    Args:
        path: ends in .npz.
        arrays: see `arrays_of`.
        sidecar: has `model`, the sizes as `ModelConfig`, beside anything.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part.npz")
    np.savez(draft, allow_pickle=False, **arrays)
    draft.replace(path)
    note = path.with_suffix(".part.json")
    note.write_text(json.dumps(dict(sidecar), indent=1) + "\n", encoding="utf-8")
    note.replace(path.with_suffix(".json"))


def file_of(problem: Problem, weights: str) -> Path:
    """The file of a task's weights; the task's own where `weights` is empty.

    Raises:
        UnknownWeightsError: there is none.

    """
    return weights_file(weights or f"decision_transformer_{problem.name}", ".npz")


def load(path: Path, problem: Problem, kind: str, seed: int) -> Trained:
    """Read one model.

    Args:
        path: see `file_of`.
        problem: the task that it was trained for.
        kind: "spiking" or "plain".
        seed: which of the training seeds.

    Raises:
        BadWeightsError: the file isn't what it should be, or has no such model.

    """
    import torch

    from spikeloop.control.decision_transformer.training import build

    arrays, scaling = load_arrays(path, problem, kind, seed)
    model = build(kind, problem, model_config(path))
    states = {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in arrays.items()}
    try:
        model.load_state_dict(states)
    except RuntimeError as error:
        raise BadWeightsError(f"{path}: {kind}/{seed} doesn't fit: {error}") from error
    return Trained(model.eval(), scaling)


def load_arrays(path: Path, problem: Problem, kind: str, seed: int) -> tuple[Arrays, Scaling]:
    """Read one model's arrays, by their names in torch, and its scaling; arguments as of `load`.

    Raises:
        BadWeightsError: the file isn't what it should be, or has no such model.

    """
    arrays = read_arrays(path)
    prefix = f"{kind}/{seed}/"
    own = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
    if not own:
        there = sorted({"/".join(name.split("/")[:2]) for name in arrays})
        raise BadWeightsError(f"{path}: holds no {prefix[:-1]}; it has: {', '.join(there)}")
    try:
        given = {f.name: own[f"scaling/{f.name}"] for f in fields(Scaling)}
    except KeyError as error:
        raise BadWeightsError(f"{path}: {prefix[:-1]} lacks {error}") from error
    for name, array, size in (
        ("states", given["state_mean"], problem.states),
        ("actions", own.get("model/head.bias", np.zeros(0)), problem.actions),
    ):
        if array.shape != (size,):
            raise BadWeightsError(
                f"{path}: {prefix[:-1]} doesn't fit: it is for {name} of {array.size} values, but "
                f"task '{problem.name}' has {size}"
            )
    scaling = Scaling(
        **{k: v if k.startswith("state_") else float(v) for k, v in given.items()}  # type: ignore[arg-type]
    )
    model = {k.removeprefix("model/"): v for k, v in own.items() if k.startswith("model/")}
    return model, scaling


def load_stream(path: Path, problem: Problem, seed: int) -> tuple[CompiledStream, Scaling]:
    """A spiking model that decides one observation after the other; arguments as of `load`.

    Raises:
        BadWeightsError: the file isn't what it should be, or has no such model.

    """
    arrays, scaling = load_arrays(path, problem, "spiking", seed)
    try:
        return CompiledStream(model_config(path), arrays), scaling
    except (KeyError, ValueError) as error:
        raise BadWeightsError(f"{path}: spiking/{seed} doesn't fit: {error}") from error


def read_arrays(path: Path) -> Arrays:
    """All arrays of a file.

    Raises:
        BadWeightsError: it is no .npz of numbers.

    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: np.asarray(file[name]) for name in file.files}
    except (OSError, zipfile.BadZipFile, ValueError, TypeError, AttributeError) as error:
        raise BadWeightsError(f"{path}: is no .npz of numbers: {error}") from error


def training_seeds(path: Path, kind: str = "spiking") -> tuple[int, ...]:
    """The training seeds of which a file holds a model of a kind, rising."""
    parts = {tuple(name.split("/")[:2]) for name in read_arrays(path)}
    return tuple(sorted(int(seed) for found, seed in parts if found == kind))


def model_config(path: Path) -> ModelConfig:
    """The sizes of the models of a file, from its JSON.

    Raises:
        BadWeightsError: there is no such JSON, or it doesn't tell them.

    """
    note = path.with_suffix(".json")
    try:
        sizes = json.loads(note.read_text(encoding="utf-8"))["model"]
        return build_config(ModelConfig, sizes, f"{note}: ")
    except OSError as error:
        raise BadWeightsError(f"{note}: can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadWeightsError(f"{note}: doesn't tell the sizes of the models: {error}") from error
