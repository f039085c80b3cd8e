"""Where launch descriptions come from."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from types import ModuleType

from launch.core import LaunchContext, LaunchDescription
from launch.lacking import say


class PythonLaunchDescriptionSource:
    """A Python file with a function `generate_launch_description`."""

    def __init__(self, launch_file_path: str) -> None:
        if not launch_file_path.endswith(".py"):
            raise ValueError(say(f"launch file {launch_file_path}"))
        self.location = launch_file_path

    def get_launch_description(self, context: LaunchContext) -> LaunchDescription:
        module = ModuleType(self.location)  # a name that errors show
        module.__file__ = self.location
        SourceFileLoader(self.location, self.location).exec_module(module)
        description: LaunchDescription = module.generate_launch_description()
        return description
