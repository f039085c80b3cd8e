"""Where launch descriptions come from."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from typing import cast

from launch.deferred import SomeSubstitutionsType, module_getattr, say
from launch.launch_context import LaunchContext
from launch.launch_description import LaunchDescription

__getattr__ = module_getattr(__name__)


class LaunchDescriptionSource:
    """A launch description, or the file that has it."""

    def __init__(
        self, launch_description: LaunchDescription | None = None,
        location: SomeSubstitutionsType = "<string>",
    ) -> None:
        self._description, self._location, self.location = launch_description, location, ""

    def get_launch_description(self, context: LaunchContext) -> LaunchDescription:
        """Return the description, loaded at the first call."""
        self.location = context.perform_substitution(self._location)
        if self._description is None:
            self._description = _load(self.location)
        return self._description


class PythonLaunchDescriptionSource(LaunchDescriptionSource):
    """A Python file with a function `generate_launch_description`."""

    def __init__(self, launch_file_path: SomeSubstitutionsType) -> None:
        super().__init__(None, launch_file_path)


class AnyLaunchDescriptionSource(PythonLaunchDescriptionSource):
    """A launch file; XML and YAML are not covered here."""


def _load(path: str) -> LaunchDescription:
    if not path.endswith(".py"):
        raise NotImplementedError(say(f"launch file {path}"))
    loader = SourceFileLoader("python_launch_file", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    if not hasattr(module, "generate_launch_description"):
        raise AttributeError(f"{path} lacks the function 'generate_launch_description()'")
    return cast(LaunchDescription, module.generate_launch_description())
