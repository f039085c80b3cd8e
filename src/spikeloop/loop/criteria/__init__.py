"""Kinds of success criteria, each a file of this folder that has a class `Criteria`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from spikeloop.loop.criteria.judge import Judge
from spikeloop.loop.flight import USUAL, Flight
from spikeloop.parameters import suggestion

GROUP = "spikeloop.criteria"
"""Entry points of other packages, each naming a subclass of `Judge`."""


@cache
def kinds() -> dict[str, str]:
    """All kinds: name to what holds it, a module of this folder or an entry point's value."""
    folder = Path(__file__).parent
    found = {
        path.stem: f"{__name__}.{path.stem}:Criteria"
        for path in sorted(folder.glob("*.py"))
        if "\nclass Criteria(" in path.read_text(encoding="utf-8")
    }
    return found | {entry.name: entry.value for entry in entry_points(group=GROUP)}


def judge_type(kind: str) -> type[Judge]:
    """The class of a kind.

    Raises:
        ValueError: there is none of that name; the nearest is named.

    """
    known = kinds()
    if kind not in known:
        raise ValueError(
            f"criteria: unknown kind '{kind}'{suggestion(kind, known)}; "
            f"there are: {', '.join(known)}"
        )
    module, _, name = known[kind].partition(":")
    found: type[Judge] = getattr(importlib.import_module(module), name)
    return found


def kind_of(criteria: Mapping[str, Any]) -> str:
    """The kind that a mission's criteria name."""
    return str(criteria.get("kind", USUAL))


def judge_of(criteria: Mapping[str, Any]) -> Judge:
    """The judge of a mission's criteria.

    Raises:
        ValueError: unknown kind or criterion, or a bad bound.

    """
    bounds = {name: value for name, value in criteria.items() if name != "kind"}
    return judge_type(kind_of(criteria))(bounds)


def new_flight(
    mission: str, seed: int, nodes: Mapping[str, str], criteria: Mapping[str, Any]
) -> Flight:
    """An empty record, with the columns of the mission's criteria.

    Raises:
        ValueError: unknown kind.

    """
    kind = kind_of(criteria)
    columns: dict[str, list[float]] = {name: [] for name in judge_type(kind).columns}
    return Flight(mission, seed, dict(nodes), kind, columns=columns)
