"""Where launch descriptions come from."""

from __future__ import annotations

import os
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any

from launch.core import Deferred, LaunchContext, LaunchDescription, Text, say


class LaunchDescriptionSource(Deferred):
    def _do(self, context: LaunchContext, launch_description: Any) -> Any:
        return launch_description

    def get_launch_description(self, context: LaunchContext) -> LaunchDescription:
        description = self._call(context)
        if not isinstance(description, LaunchDescription):
            raise TypeError(f"expected a LaunchDescription, got {description!r}")
        return description

class PythonLaunchDescriptionSource(LaunchDescriptionSource):
    """A Python file with a function `generate_launch_description`."""

    def _do(self, context: LaunchContext, launch_file_path: Text) -> Any:
        if not launch_file_path.endswith(".py"):
            raise NotImplementedError(say(f"launch file {launch_file_path}"))
        folder = os.path.dirname(os.path.abspath(launch_file_path))
        context.names["launch_file_directory"] = folder
        module = ModuleType("python_launch_file")
        module.__file__ = launch_file_path
        SourceFileLoader(module.__name__, launch_file_path).exec_module(module)
        return module.generate_launch_description()

class AnyLaunchDescriptionSource(PythonLaunchDescriptionSource):
    """A launch file; XML and YAML are not covered here."""
