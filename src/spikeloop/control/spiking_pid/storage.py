"""Weights on disk: one array a parameter in an .npz, without pickles.

Two kinds of networks have files: evolved ones (`network.py`), and those made for given gains
(`terms.py`); which one a file holds is told by its arrays.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop.control.spiking_pid.network import NETWORKS, PAIRS, ROWS, Weights
from spikeloop.control.spiking_pid.terms import TermWeights, arrays_of
from spikeloop.installed import weights_file

Floats = NDArray[np.float64]


class BadWeightsError(ValueError):
    """A file holds no weights of this controller; the message says what is wrong with it."""


def save_weights(path: Path, weights: Weights) -> None:
    """Write weights; arrays are called `pd/encoding_weight` and so on, (20,) each."""
    arrays = {}
    for index, network in enumerate(NETWORKS):
        for row, name in enumerate(ROWS):
            arrays[f"{network}/{name}"] = weights.pairs[index, row]
        arrays[f"{network}/output_leak"] = weights.output_leak[index]
    np.savez(path, allow_pickle=False, **arrays)


def save_terms(path: Path, weights: TermWeights) -> None:
    """Write a network that was made for given gains; arrays are called as its fields."""
    np.savez(path, allow_pickle=False, **arrays_of(weights))


def load_any(name: str) -> Weights | TermWeights:
    """Read weights of either kind by name or path.

    Raises:
        ValueError: there are none of that name (`UnknownWeightsError`), or the file isn't what it
            should be (`BadWeightsError`).

    """
    path = weights_file(name, ".npz")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name], np.float64) for name in file.files}
    except (OSError, zipfile.BadZipFile, ValueError, TypeError, AttributeError) as error:
        raise BadWeightsError(f"{path}: is no .npz of numbers: {error}") from error
    try:
        if arrays.keys() == TermWeights.__dataclass_fields__.keys():
            return TermWeights(**arrays)
        return Weights(*_assembled(arrays))
    except ValueError as error:
        raise BadWeightsError(f"{path}: {error}") from error


def load_weights(name: str) -> Weights:
    """Read evolved weights by name or path; errors as `load_any`."""
    weights = load_any(name)
    if not isinstance(weights, Weights):
        raise BadWeightsError(f"{name} was made for given gains, not evolved")
    return weights


def _assembled(arrays: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    pairs = np.empty((len(NETWORKS), len(ROWS), PAIRS))
    leaks = np.empty(len(NETWORKS))
    for index, network in enumerate(NETWORKS):
        for row, parameter in enumerate(ROWS):
            pairs[index, row] = _part(arrays, f"{network}/{parameter}", (PAIRS,))
        leaks[index] = _part(arrays, f"{network}/output_leak", ())
    return pairs, leaks


def _part(arrays: Mapping[str, Floats], name: str, shape: tuple[int, ...]) -> Floats:
    if name not in arrays:
        raise ValueError(f"array '{name}' is missing")
    if arrays[name].shape != shape:
        raise ValueError(f"array '{name}' has the shape {arrays[name].shape}, not {shape}")
    return arrays[name]
