"""Texts that are known only while launching."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from launch.core import LaunchContext, Substitution, Text
from launch.core import TextSubstitution as TextSubstitution


class SubstitutionFailure(RuntimeError):
    """A substitution has no text."""

class LaunchConfiguration(Substitution):
    def _do(self, context: LaunchContext, variable_name: Text, *, default: Any = None) -> str:
        if variable_name in context.launch_configurations:
            return str(context.launch_configurations[variable_name])
        if default is None:
            raise SubstitutionFailure(f"launch configuration '{variable_name}' does not exist")
        plain = isinstance(default, (bool, int, float))
        return context.perform_substitution(str(default) if plain else default)

class PathJoinSubstitution(Substitution):
    def _do(self, context: LaunchContext, substitutions: Iterable[Any]) -> str:
        return os.path.join(*(context.perform_substitution(part) for part in substitutions))

class EnvironmentVariable(Substitution):
    def _do(self, context: LaunchContext, name: Text, *, default_value: Text | None = None) -> str:
        value = context.environment.get(name, default_value)
        if value is None:
            raise SubstitutionFailure(f"environment variable '{name}' does not exist")
        return value

class ThisLaunchFileDir(Substitution):
    def _do(self, context: LaunchContext) -> str:
        if "launch_file_directory" not in context.names:
            raise SubstitutionFailure("ThisLaunchFileDir used outside of a launch file")
        return str(context.names["launch_file_directory"])
