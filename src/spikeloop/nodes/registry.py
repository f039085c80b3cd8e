"""Finds nodes: all files of this folder that declare one, and entry points of other packages."""

from __future__ import annotations

import importlib
import inspect
from importlib.metadata import entry_points
from pathlib import Path

from spikeloop.nodes.slot import SlotNode
from spikeloop.parameters import suggestion

GROUP = "spikeloop.nodes"


class UnknownNodeError(LookupError):
    """No node has this name; the message names the nearest."""


def node_types() -> dict[str, type[SlotNode]]:
    """All nodes that are installed, by name (that of their file).

    Raises:
        ImportError: a node's file can't be imported; it isn't left out silently.

    """
    found: dict[str, type[SlotNode]] = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if "\ndef main(" not in path.read_text(encoding="utf-8"):
            continue
        module = importlib.import_module(f"spikeloop.nodes.{path.stem}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            if issubclass(member, SlotNode) and member.__module__ == module.__name__:
                found[path.stem] = member
    for entry in entry_points(group=GROUP):
        found[entry.name] = entry.load()
    return found


def node_type(name: str) -> type[SlotNode]:
    """Look a node up by name.

    Raises:
        UnknownNodeError: there is none; the message names the nearest.

    """
    known = node_types()
    if name not in known:
        raise UnknownNodeError(
            f"unknown node '{name}'{suggestion(name, known)}; there are: {', '.join(known)}"
        )
    return known[name]
