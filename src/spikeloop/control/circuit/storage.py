"""Trained swimmers on disk: arrays in an .npz, without pickles, and a JSON of how they were made.

Arrays are called `SUITE LINKS/KIND/SEED`, (weights,), with their learning curve beside them as
`.../curve`, (2, points): episodes played, and return on the validation starts.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.control.circuit.worm import CIRCUITS, CircuitKind
from spikeloop.installed import weights_file

Floats = NDArray[np.float64]


class BadWeightsError(ValueError):
    """A file holds no swimmers; the message says what is wrong with it."""


def save(path: Path, arrays: Mapping[str, Floats], sidecar: Mapping[str, Any]) -> None:
    """Write the file and its JSON, each whole or not at all; `path` ends in .npz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part.npz")
    np.savez_compressed(draft, allow_pickle=False, **arrays)
    draft.replace(path)
    note = path.with_suffix(".json")
    text = note.with_suffix(".part.json")
    text.write_text(json.dumps(sidecar, indent=1) + "\n", encoding="utf-8")
    text.replace(note)


def read(name: str) -> dict[str, Floats]:
    """All arrays of a file, by name in weights/ or by path.

    Raises:
        UnknownWeightsError: there is no such file.
        BadWeightsError: it is no .npz of numbers.

    """
    path = weights_file(name, ".npz")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: np.asarray(file[name], np.float64) for name in file.files}
    except (OSError, zipfile.BadZipFile, ValueError, TypeError, AttributeError) as error:
        raise BadWeightsError(f"{path}: is no .npz of numbers: {error}") from error


def circuit_of(arrays: Mapping[str, Floats], name: str) -> tuple[CircuitKind, Floats]:
    """One circuit: its form and its weights, (weights,).

    Args:
        arrays: of `read`.
        name: such as "gymnasium 3/proprioceptive/1".

    Raises:
        BadWeightsError: there is none of that name, it is no circuit, or its weights aren't as
            many finite numbers as they should be.

    """
    kind = CIRCUITS.get(name.split("/")[1] if "/" in name else "")
    if name not in arrays or kind is None:
        known = ", ".join(sorted(k for k in arrays if not k.endswith("/curve")))
        raise BadWeightsError(f"no circuit '{name}'; there are: {known}")
    found, wanted = arrays[name], len(kind.wiring.signs)
    if found.shape != (wanted,) or not np.isfinite(found).all():
        raise BadWeightsError(f"circuit '{name}' must be {wanted} finite weights")
    return kind, found
