"""What is made before a mission begins, from its own world: each kind a file of this folder.

A kind is a file with a class `Config` (a frozen dataclass of its parameters) and a function
`prepare(mission, seed, config, folder)` that gives parameters of nodes, by slot. Other packages
name such a module under the entry point group `spikeloop.preparations`.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from spikeloop.loop.mission import Mission, MissionError
from spikeloop.parameters import build_config, suggestion

GROUP = "spikeloop.preparations"


@cache
def kinds() -> dict[str, str]:
    """All kinds: name to module."""
    found = {
        path.stem: f"{__name__}.{path.stem}"
        for path in sorted(Path(__file__).parent.glob("*.py"))
        if "\ndef prepare(" in path.read_text(encoding="utf-8")
    }
    return found | {entry.name: entry.value for entry in entry_points(group=GROUP)}


def prepared(mission: Mission, seed: int, folder: Path) -> dict[str, dict[str, Any]]:
    """Do what the mission's `prepare` says; parameters of nodes by slot, none where it says none.

    Args:
        mission: whose world it is made from.
        seed: of the flight.
        folder: for files, made if need be.

    Raises:
        MissionError: unknown kind, or a parameter that it doesn't have.

    """
    if not mission.prepare:
        return {}
    given = dict(mission.prepare)
    kind, known = str(given.pop("kind", "")), kinds()
    if kind not in known:
        raise MissionError(
            f"mission '{mission.name}': prepare: unknown kind '{kind}'{suggestion(kind, known)}; "
            f"there are: {', '.join(known)}"
        )
    module = importlib.import_module(known[kind])
    config = build_config(module.Config, given, f"mission '{mission.name}', prepare: ")
    folder.mkdir(parents=True, exist_ok=True)
    print(f"mission {mission.name}: prepares {kind}", flush=True)
    found: dict[str, dict[str, Any]] = module.prepare(mission, seed, config, folder)
    return found
