"""Texts that are known only while launching."""

from __future__ import annotations

import os
from typing import Any

from launch.deferred import (
    SomeSubstitutionsType,
    Substitution,
    Text,
    deferred,
    module_getattr,
    perform_substitutions,
)
from launch.launch_context import LaunchContext

__getattr__ = module_getattr(__name__)
substitution = deferred(Substitution, "perform")


class SubstitutionFailure(RuntimeError):
    """A substitution has no text."""


@substitution
def TextSubstitution(context: LaunchContext, *, text: Text) -> str:
    """A fixed text."""
    return text


@substitution
def LaunchConfiguration(context: LaunchContext, variable_name: Text, *, default: Any = None) -> str:
    """The value of a launch argument or configuration."""
    if variable_name in context.launch_configurations:
        return str(context.launch_configurations[variable_name])
    if default is None:
        raise SubstitutionFailure(f"launch configuration '{variable_name}' does not exist")
    return perform_substitutions(context, str(default) if isinstance(default, (bool, int, float)) else default)


@substitution
def PathJoinSubstitution(context: LaunchContext, substitutions: list[Any]) -> str:
    """A path of several parts."""
    return os.path.join(*(perform_substitutions(context, [part]) for part in substitutions))


@substitution
def EnvironmentVariable(
    context: LaunchContext, name: Text, *, default_value: Text | None = None
) -> str:
    """The value of an environment variable."""
    value = context.environment.get(name, default_value)
    if value is None:
        raise SubstitutionFailure(f"environment variable '{name}' does not exist")
    return value


@substitution
def ThisLaunchFileDir(context: LaunchContext) -> str:
    """The folder of the launch file that is being included."""
    if "current_launch_file_directory" not in context.names:
        raise SubstitutionFailure("ThisLaunchFileDir used outside of a launch file")
    return str(context.names["current_launch_file_directory"])


def normalize_to_list_of_substitutions(subs: SomeSubstitutionsType) -> list[Substitution]:
    """Make a list of substitutions of a text, a substitution or several of both."""
    parts = [subs] if isinstance(subs, (str, Substitution)) else subs
    return [TextSubstitution(text=part) if isinstance(part, str) else part for part in parts]
