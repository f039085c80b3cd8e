"""Drives through simulated worlds `route`, rendered once and kept in the user's cache."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

REFERENCES = (("day", 1), ("day", 2))
QUERIES = (("dusk", 3), ("night", 4), ("rain", 5), ("autumn", 6), ("winter", 7))
"""Conditions and visits; each visit wanders in its own way."""
FIRST_TEST = 1_000_000
"""Seed of the first world that nothing may be chosen on."""
LEAST = 140
"""Places of the shortest loop that there is; of fewer, a stretch of it is taken."""
SIMULATOR = "spikeloop_sim"
_SOURCES = ("worlds", "event_camera", "datasets/stage.py", "frame_camera*.py", "route_drives.py")
"""What pictures depend on; a change of it renders them again."""


class RouteError(ValueError):
    """Drives can't be rendered; the message says what is missing."""


@dataclass(frozen=True)
class Route:
    """What was seen of a route.

    Attributes:
        name: for tables.
        references: (traversals, places, h, w) uint8.
        queries: of each condition, (places, h, w) uint8; picture n shows place n.

    """

    name: str
    references: NDArray[np.uint8]
    queries: dict[str, NDArray[np.uint8]]


def default_folder() -> Path:
    """Where pictures are kept if nothing else is said: the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "spikeloop" / "place"


def load_route(
    seed: int,
    places: int,
    conditions: Sequence[str] | None = None,
    folder: Path | None = None,
    progress: Callable[[int], object] = lambda pictures: None,
) -> Route:
    """The drives of one world; those that aren't in the folder are rendered.

    Args:
        seed: of the world; from `FIRST_TEST` on for scores that are published.
        places: along its loop.
        conditions: of the queries; all if None.
        folder: of the files; `default_folder` if None.
        progress: told how many pictures there are since it was last told.

    Raises:
        RouteError: the simulator isn't installed, or a condition isn't known.

    """
    known = dict(QUERIES)
    chosen = list(known) if conditions is None else list(conditions)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise RouteError(f"no condition '{unknown[0]}'; there are: {', '.join(known)}")

    def one(condition: str, visit: int) -> NDArray[np.uint8]:
        return _drive(seed, condition, visit, places, folder or default_folder(), progress)

    references = np.stack([one(*drive) for drive in REFERENCES])
    queries = {name: one(name, known[name]) for name in chosen}
    return Route(str(seed), references, queries)


def _drive(
    seed: int,
    condition: str,
    visit: int,
    places: int,
    folder: Path,
    progress: Callable[[int], object],
) -> NDArray[np.uint8]:
    path = folder / f"{seed}_{condition}{visit}_{places}_{source_version()}.npz"
    try:
        with np.load(path, allow_pickle=False) as content:
            pictures: NDArray[np.uint8] = content["pictures"]
        progress(len(pictures))
        return pictures
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        # Not there, or half of it: rendered anew.
        pass
    drives = importlib.import_module(f"{SIMULATOR}.route_drives")
    pictures = drives.drive_route(seed, condition, visit, places, progress=progress).pictures
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of this process alone, for two may render the same.
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    with draft.open("wb") as file:
        np.savez_compressed(file, pictures=pictures)
    draft.replace(path)
    return pictures


@functools.cache
def source_version() -> str:
    """Eight digits of a hash of the simulator's code, as it was when first asked for.

    Raises:
        RouteError: the simulator isn't installed.

    """
    simulator = importlib.util.find_spec(SIMULATOR)
    if simulator is None or simulator.origin is None:
        raise RouteError("routes are rendered in simulation: pip install spikeloop[sim]")
    base = Path(simulator.origin).parent
    files: set[Path] = set()
    for source in _SOURCES:
        for path in base.glob(source):
            files |= set(path.rglob("*.py")) if path.is_dir() else {path}
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:8]
