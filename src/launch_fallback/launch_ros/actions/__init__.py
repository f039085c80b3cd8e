"""Actions that start nodes, and those that say what all nodes of a scope get."""

from __future__ import annotations

import os
from typing import Any

import yaml
from launch.actions import action
from launch.deferred import Text, module_getattr
from launch.launch_context import LaunchContext
from launch_ros.actions.node import Node, join_namespaces
from launch_ros.parameter_descriptions import evaluate

__all__ = ["Node"]
__getattr__ = module_getattr(__name__)


def _append(context: LaunchContext, key: str, *items: str) -> None:
    before = context.launch_configurations.get(key, [])
    context.launch_configurations[key] = [*before, *items]  # not in place: scopes share it


@action
def SetParameter(context: LaunchContext, name: Text, value: Any) -> None:
    """Set a parameter of the nodes that follow in the scope."""
    for key, plain in evaluate(context, {name: value}).items():
        text = yaml.safe_dump(plain, default_flow_style=True, width=2**20).removesuffix("...\n")
        _append(context, "global_params", "-p", f"{key}:={text.strip()}")


@action
def SetParametersFromFile(context: LaunchContext, filename: Text) -> None:
    """Set the parameters in a file for the nodes that follow in the scope."""
    _append(context, "global_params", "--params-file", os.path.abspath(filename))


@action
def SetRemap(context: LaunchContext, src: Text, dst: Text) -> None:
    """Remap a name in the nodes that follow in the scope."""
    _append(context, "ros_remaps", f"{src}:={dst}")


@action
def PushRosNamespace(context: LaunchContext, namespace: Text) -> None:
    """Put the nodes that follow in the scope into a namespace."""
    base = context.launch_configurations.get("ros_namespace")
    context.launch_configurations["ros_namespace"] = join_namespaces(base, namespace)


PushROSNamespace = PushRosNamespace
