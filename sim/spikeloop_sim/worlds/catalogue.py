"""Worlds by name, found in this folder.

A module declares one by

    its docstring                   whose first line says what it is
    Config                          a frozen dataclass of parameters
    make(seed, config) -> Scene

and is called like its world. Nothing else has to be edited.

**Seeds.** Training may use seeds below 500,000, the choice of anything (a model, a threshold, how
hard a world is) those from there to 999,999, and what is reported comes from 1,000,000 on.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from spikeloop.parameters import build_config, suggestion
from spikeloop_sim.worlds.scene import Scene

Split = Literal["train", "calibration", "test"]
CALIBRATION, TEST = 500_000, 1_000_000
"""First seed of each split; see above."""


class WorldError(ValueError):
    """There is no such world, or its seed is none; the message says which, and the nearest."""


@cache
def worlds() -> dict[str, str]:
    """All worlds: name and one sentence; their modules aren't imported."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        made = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        if {"make", "Config"} <= made:
            found[path.stem] = (ast.get_docstring(tree) or "").splitlines()[0]
    return found


def world(name: str) -> ModuleType:
    """The module of a world.

    Raises:
        WorldError: there is none of that name; the nearest is named.

    """
    known = worlds()
    if name not in known:
        raise WorldError(
            f"unknown world '{name}'{suggestion(name, known)}; there are: {', '.join(known)}"
        )
    return importlib.import_module(f"{__package__}.{name}")


def make_scene(name: str, seed: int, parameters: Mapping[str, Any] | None = None) -> Scene:
    """Build a world; the same name, seed and parameters give the same one.

    Args:
        name: see `worlds`.
        seed: at least 0; see `split_of`.
        parameters: of the world's `Config`; what isn't given takes its default.

    Raises:
        WorldError: unknown world, or a negative seed.
        ParameterError: unknown parameter (the nearest is named) or a bad value.

    """
    module = world(name)
    if seed < 0:
        raise WorldError(f"world '{name}': seed must be at least 0, not {seed}")
    config = build_config(module.Config, parameters or {}, f"world '{name}': ")
    scene: Scene = module.make(seed, config)
    return scene


def split_of(seed: int) -> Split:
    """What a seed may be used for.

    Raises:
        WorldError: the seed is negative.

    """
    if seed < 0:
        raise WorldError(f"seed must be at least 0, not {seed}")
    if seed >= TEST:
        return "test"
    return "calibration" if seed >= CALIBRATION else "train"
