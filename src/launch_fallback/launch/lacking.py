"""What is not covered here says so, and who has it, when it is imported or given."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from importlib.abc import MetaPathFinder
from typing import Any

PACKAGES = ("launch", "launch_ros", "launch_pytest")


def say(feature: str) -> str:
    """Word the message for a feature that is not here."""
    return f"'{feature}' is misspelt, or not covered here: a full ROS 2 installation has all of it"


def refuse(owner: str, names: Iterable[str]) -> None:
    """Raise TypeError for arguments that `owner`, something of ours, doesn't know."""
    for name in names:
        raise TypeError(say(f"{owner}({name}=...)"))


class Refusing(type):
    """Metaclass: arguments that neither a class nor its bases know are refused by name."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        inits = [base.__init__ for base in cls.__mro__]  # type: ignore[misc]
        known = {name for init in inits for name in inspect.signature(init).parameters}
        refuse(cls.__name__, kwargs.keys() - known)
        return super().__call__(*args, **kwargs)


def name_what_lacks(package: str) -> None:
    """Let the modules of a package name what they lack."""
    for module in [m for name, m in sys.modules.items() if name.split(".")[0] == package]:

        def missing(name: str, module: str = module.__name__) -> Any:
            # `from ... import` would hide the message of an AttributeError, which tools rely on;
            # pickle looks for other modules, such as torch, in all modules that there are.
            other = name.startswith(("_", "pytest")) or name in sys.modules
            kind = AttributeError if other else ImportError
            raise kind(say(f"{module}.{name}"))

        vars(module)["__getattr__"] = missing


class LastFinder(MetaPathFinder):
    """The one that is asked for a module when nobody else has it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if "." in name and name.split(".")[0] in PACKAGES:
            raise ModuleNotFoundError(say(name), name=name)


sys.meta_path.append(LastFinder())
