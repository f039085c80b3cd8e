"""Tasks that can be trained and evaluated, found in `control/`, `perception/` and the simulator.

A component declares one by a light module `task.py` in its folder, with

    NAME, TEXT                      its name on the command line, and one sentence
    add_train_arguments(parser)     options of its own
    train(args) -> exit code        `args` also has out, seed, quick, workers
    add_eval_arguments(parser)
    evaluate(args) -> (metrics, meta)   flat metrics; `args` also has data, quick, workers
    classifier(args) -> Classifier      if it has one: what `eval NAME --corruptions` tries; see
                                        `spikeloop.snn.robustness.bench`

A task that can't be trained, or not evaluated, lacks that pair. Nothing else has to be edited.
"""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from spikeloop.parameters import suggestion

FOLDERS = ("control", "perception")
SIMULATOR = "spikeloop_sim"


class TaskError(ValueError):
    """An option or file that a task can't use; the message says which and why."""


class UnknownTaskError(TaskError):
    """There is no task of that name; the message names the nearest."""


def tasks(verb: str) -> dict[str, ModuleType]:
    """All tasks that have a function `verb` ("train" or "evaluate"), by name.

    Raises:
        TaskError: two components declare the same name.

    """
    found: dict[str, ModuleType] = {}
    for name in _declaring():
        module = importlib.import_module(name)
        if not hasattr(module, verb):
            continue
        if module.NAME in found:
            raise TaskError(
                f"task '{module.NAME}' is declared by {found[module.NAME].__name__} "
                f"and by {module.__name__}"
            )
        found[module.NAME] = module
    return found


def _declaring() -> Iterator[str]:
    """Names of the modules that declare a task; the simulator's only where it is installed."""
    package = Path(__file__).parent
    folders = [("spikeloop", package, package / folder) for folder in FOLDERS]
    simulator = importlib.util.find_spec(SIMULATOR)
    if simulator is not None and simulator.origin is not None:
        base = Path(simulator.origin).parent
        folders.append((SIMULATOR, base, base))
    for name, base, folder in folders:
        for path in sorted(folder.rglob("task.py")):
            yield ".".join((name, *path.relative_to(base).with_suffix("").parts))


def task(name: str, verb: str) -> ModuleType:
    """The module of one task.

    Raises:
        UnknownTaskError: there is none.

    """
    known = tasks(verb)
    if name not in known:
        raise UnknownTaskError(
            f"unknown task '{name}'{suggestion(name, known)}; "
            f"there are: {', '.join(known) or 'none'}"
        )
    return known[name]


def source_commit() -> str:
    """Short hash of the commit that this code stands at, for the JSON beside trained weights.

    Returns:
        "unknown" where the code isn't in a git work tree, or there is no git.

    """
    try:
        answer = subprocess.run(
            ["git", "-C", str(Path(__file__).resolve().parent), "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return answer.stdout.strip()
