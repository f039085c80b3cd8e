"""Actions that start nodes, and those that say what all nodes of a scope get."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from launch.actions import ExecuteProcess
from launch.core import Action, LaunchContext, Text, log

from launch_ros.parameter_descriptions import evaluate
from launch_ros.substitutions import ExecutableInPackage


class Node(ExecuteProcess):
    """Run a ROS node: a process with ROS arguments."""

    def __init__(
        self, *, executable: Any, package: Any = None, name: Any = None, namespace: Any = None,
        exec_name: Any = None, parameters: Iterable[Any] | None = None,
        remappings: Iterable[tuple[Any, Any]] | None = None,
        ros_arguments: Iterable[Any] | None = None, arguments: Iterable[Any] | None = None,
        **options: Any,
    ) -> None:
        if package is not None:
            executable = ExecutableInPackage(executable=executable, package=package)
        cmd = [executable, *(arguments or ())]
        cmd += ["--ros-args", *ros_arguments, "--ros-args"] if ros_arguments else ["--ros-args"]
        super().__init__(cmd=cmd, name=exec_name, **options)
        if isinstance(parameters, (str, Mapping)):
            raise TypeError("parameters of a Node must be a list of dictionaries and file paths")
        self._name, self._namespace = name, namespace
        self._parameters, self._remappings = list(parameters or ()), list(remappings or ())
        self._files = contextlib.ExitStack()

    def execute(self, context: LaunchContext) -> None:
        text, configurations = context.perform_substitution, context.launch_configurations
        name = None if self._name is None else _checked(text(self._name))
        namespace = None if self._namespace is None else text(self._namespace)
        namespace = _join(configurations.get("ros_namespace"), namespace)
        full_name = f"{namespace.rstrip('/')}/{name}" if namespace and name else "/**"
        self.cmd += ["-r", f"__node:={name}"] if name else []
        self.cmd += ["-r", f"__ns:={namespace}"] if namespace else []
        self.cmd += configurations.get("global_params", [])
        for item in self._parameters:
            if isinstance(item, Mapping):
                path = self._write({full_name: {"ros__parameters": evaluate(context, item)}})
            else:
                path = os.fspath(item) if hasattr(item, "__fspath__") else text(item)
            if os.path.isfile(path):
                self.cmd += ["--params-file", path]
            else:
                log("WARNING", "launch_ros", f"Parameter file path is not a file: {path}")
        remaps = [f"{text(old)}:={text(new)}" for old, new in self._remappings]
        for rule in [*configurations.get("ros_remaps", []), *remaps]:
            self.cmd += ["-r", rule]
        super().execute(context)

    def _write(self, parameters: dict[str, Any]) -> str:
        with tempfile.NamedTemporaryFile("w", prefix="launch_params_", delete=False) as file:
            yaml.safe_dump(parameters, file)
        self._files.callback(os.unlink, file.name)
        return file.name

    async def _supervise(self, context: LaunchContext) -> None:
        with self._files:
            await super()._supervise(context)

def _join(base: str | None, name: str | None) -> str | None:
    if base is None and name is None:
        return None
    joined = name if name and name.startswith("/") else f"{base or ''}/{name or ''}"
    return "/" + "/".join(_checked(part) for part in joined.split("/") if part)

def _checked(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise ValueError(f"invalid node name or namespace '{name}': only letters, digits and '_'")
    return name

def _append(context: LaunchContext, key: str, *items: str) -> None:
    before = context.launch_configurations.get(key, [])
    context.launch_configurations[key] = [*before, *items]  # not in place: scopes share it

class SetParameter(Action):
    """Set a parameter of the nodes that follow in the scope."""

    def _do(self, context: LaunchContext, name: Text, value: Any) -> None:
        for key, plain in evaluate(context, {name: value}).items():
            text = yaml.safe_dump([plain], default_flow_style=True, width=2**20).strip()[1:-1]
            _append(context, "global_params", "-p", f"{key}:={text}")

class SetParametersFromFile(Action):
    def _do(self, context: LaunchContext, filename: Text) -> None:
        _append(context, "global_params", "--params-file", os.path.abspath(filename))

class SetRemap(Action):
    def _do(self, context: LaunchContext, src: Text, dst: Text) -> None:
        _append(context, "ros_remaps", f"{src}:={dst}")

class PushRosNamespace(Action):
    def _do(self, context: LaunchContext, namespace: Text) -> None:
        base = context.launch_configurations.get("ros_namespace")
        context.launch_configurations["ros_namespace"] = _join(base, namespace)
