"""ROS nodes."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from launch.actions import ExecuteProcess
from launch.deferred import SomeSubstitutionsType
from launch.launch_context import LaunchContext
from launch.logging import get_logger
from launch_ros.parameter_descriptions import evaluate
from launch_ros.substitutions import ExecutableInPackage


class Node(ExecuteProcess):
    """Run a ROS node: a process with ROS arguments."""

    def __init__(
        self, *, executable: SomeSubstitutionsType, package: SomeSubstitutionsType | None = None,
        name: SomeSubstitutionsType | None = None, namespace: SomeSubstitutionsType | None = None,
        exec_name: SomeSubstitutionsType | None = None, parameters: Iterable[Any] | None = None,
        remappings: Iterable[tuple[Any, Any]] | None = None,
        ros_arguments: Iterable[SomeSubstitutionsType] | None = None,
        arguments: Iterable[SomeSubstitutionsType] | None = None, **options: Any,
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

    def execute(self, context: LaunchContext) -> None:
        text, configurations = context.perform_substitution, context.launch_configurations
        name = None if self._name is None else text(self._name)
        if name is not None:
            self.cmd += ["-r", f"__node:={checked(name, 'node name')}"]
        namespace = None if self._namespace is None else text(self._namespace)
        namespace = join_namespaces(configurations.get("ros_namespace"), namespace)
        if namespace is not None:
            self.cmd += ["-r", f"__ns:={namespace}"]
        self.cmd += configurations.get("global_params", [])
        full_name = f"{namespace.rstrip('/')}/{name}" if namespace and name else "/**"
        for item in self._parameters:
            if isinstance(item, Mapping):
                path = self._write({full_name: {"ros__parameters": evaluate(context, item)}})
            else:
                path = os.fspath(item) if isinstance(item, os.PathLike) else text(item)
            if os.path.isfile(path):
                self.cmd += ["--params-file", path]
            else:
                get_logger("launch_ros").warning(f"Parameter file path is not a file: {path}")
        remaps = [f"{text(old)}:={text(new)}" for old, new in self._remappings]
        for rule in [*configurations.get("ros_remaps", []), *remaps]:
            self.cmd += ["-r", rule]
        super().execute(context)

    def _write(self, parameters: dict[str, Any]) -> str:
        with tempfile.NamedTemporaryFile("w", prefix="launch_params_", delete=False) as file:
            self.at_end.callback(os.unlink, file.name)
            yaml.safe_dump(parameters, file)
        return file.name


def join_namespaces(base: str | None, name: str | None) -> str | None:
    """Make an absolute namespace of one that is relative to another; None if there is none."""
    if base is None and name is None:
        return None
    joined = name if name and name.startswith("/") else f"{base or ''}/{name or ''}"
    return "/" + "/".join(checked(part, "namespace") for part in joined.split("/") if part)


def checked(name: str, kind: str) -> str:
    """Return a name, or raise ValueError if it isn't one."""
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise ValueError(f"invalid {kind} '{name}': letters, digits and '_' make a name")
    return name
