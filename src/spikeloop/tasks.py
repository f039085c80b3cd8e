"""Tasks that can be trained and evaluated, found by scanning `control/` and `perception/`.

A component declares one by a light module `task.py` in its folder, with

    NAME, TEXT                      its name on the command line, and one sentence
    add_train_arguments(parser)     options of its own
    train(args) -> exit code        `args` also has out, seed, quick, workers
    add_eval_arguments(parser)
    evaluate(args) -> (metrics, meta)   flat metrics; `args` also has data, quick, workers

A task that can't be trained, or not evaluated, lacks that pair. Nothing else has to be edited.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from spikeloop.parameters import suggestion

FOLDERS = ("control", "perception")


class TaskError(ValueError):
    """An option or file that a task can't use; the message says which and why."""


class UnknownTaskError(TaskError):
    """There is no task of that name; the message names the nearest."""


def tasks(verb: str) -> dict[str, ModuleType]:
    """All tasks that have a function `verb` ("train" or "evaluate"), by name.

    Raises:
        TaskError: two components declare the same name.

    """
    package = Path(__file__).parent
    found: dict[str, ModuleType] = {}
    for folder in FOLDERS:
        for path in sorted((package / folder).rglob("task.py")):
            dotted = ".".join(path.relative_to(package).with_suffix("").parts)
            module = importlib.import_module(f"spikeloop.{dotted}")
            if not hasattr(module, verb):
                continue
            if module.NAME in found:
                raise TaskError(
                    f"task '{module.NAME}' is declared by {found[module.NAME].__name__} "
                    f"and by {module.__name__}"
                )
            found[module.NAME] = module
    return found


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
