"""ROS nodes, and what all nodes of a scope get."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Mapping
from typing import Any

import yaml
from ament_index_python.packages import get_package_prefix, get_package_share_directory
from launch.actions import ExecuteProcess
from launch.core import Action, LaunchContext, Substitution, SubstitutionFailure, Text, log


class FindPackagePrefix(Substitution):
    def _do(self, context: LaunchContext, package: Text) -> str:
        return str(get_package_prefix(package))


class FindPackageShare(Substitution):
    def _do(self, context: LaunchContext, package: Text) -> str:
        return str(get_package_share_directory(package))


class ParameterValue:
    """A value of a type that is given (bool, int, float or str) instead of read as YAML."""

    def __init__(self, value: Any, *, value_type: type | None = None) -> None:
        self.value, self.value_type = value, value_type


def evaluate(context: LaunchContext, parameters: Mapping[Any, Any]) -> dict[str, Any]:
    """Give parameters as plain values by their full names, which join nested ones with dots.

    The text of a substitution is read as YAML, unless its type is given; a str stays a str.
    Raises TypeError if a value is no bool, int, float, str or list of one of them.
    """
    result = {}
    for key, value in parameters.items():
        name = context.perform_substitution(key)
        if isinstance(value, Mapping):
            inner = evaluate(context, value)
            result.update({f"{name}.{rest}": item for rest, item in inner.items()})
        else:
            result[name] = _plain(context, name, value)
    return result


def _plain(context: LaunchContext, name: str, value: Any) -> Any:
    wanted = None
    if isinstance(value, ParameterValue):
        value, wanted = value.value, value.value_type
    parts = value if isinstance(value, (list, tuple)) else [value]
    if any(isinstance(part, Substitution) for part in parts):
        text = context.perform_substitution(value)
        value = text if wanted is str else yaml.safe_load(text or "''")
    elif isinstance(value, (list, tuple)):
        value = [_plain(context, name, item) for item in value]
    types = {type(item) for item in value} if isinstance(value, list) else {type(value)}
    if types == {int, float}:
        value, types = [float(item) for item in value], {float}
    elif wanted is float and types == {int}:
        value, types = float(value), {float}
    if len(types) != 1 or not types <= {bool, int, float, str} or wanted not in (None, *types):
        kind = wanted or "bool, int, float, str or a list of one of them"
        raise TypeError(f"parameter '{name}' is {value!r}, but must be {kind}")
    return value


class Node(ExecuteProcess):
    """Run a ROS node: a process with ROS arguments."""

    def __init__(
        self,
        *,
        executable: Any,
        package: Any = None,
        name: Any = None,
        namespace: Any = None,
        exec_name: Any = None,
        parameters: list[Any] | None = None,
        remappings: Any = None,
        ros_arguments: list[Any] | None = None,
        arguments: list[Any] | None = None,
        **options: Any,
    ) -> None:
        extra = ["--ros-args", *ros_arguments, "--ros-args"] if ros_arguments else ["--ros-args"]
        super().__init__(cmd=[executable, *(arguments or ()), *extra], name=exec_name, **options)
        if isinstance(parameters, (str, Mapping)):
            raise TypeError("parameters of a Node must be a list of dictionaries and file paths")
        self._package, self._name, self._namespace = package, name, namespace
        self._parameters, self._remappings = parameters or (), remappings or ()
        self._files = contextlib.ExitStack()

    def execute(self, context: LaunchContext) -> None:
        text, scope = context.perform_substitution, context.launch_configurations
        if self._package is not None:
            self.cmd[0] = find_executable(text(self._package), text(self.cmd[0]))
        name = None if self._name is None else checked(text(self._name))
        own = None if self._namespace is None else text(self._namespace)
        namespace = join_namespaces(scope.get("ros_namespace"), own)
        self.cmd += ["-r", f"__node:={name}"] if name else []
        self.cmd += ["-r", f"__ns:={namespace}"] if namespace else []
        self.cmd += scope.get("global_params", [])
        node = f"{namespace.rstrip('/')}/{name}" if namespace and name else "/**"
        for item in self._parameters:
            if isinstance(item, Mapping):
                path = self._write({node: {"ros__parameters": evaluate(context, item)}})
            else:
                path = os.fspath(item) if hasattr(item, "__fspath__") else text(item)
            if os.path.isfile(path):
                self.cmd += ["--params-file", path]
            else:
                log("WARNING", "launch_ros", f"Parameter file path is not a file: {path}")
        remaps = [f"{text(old)}:={text(new)}" for old, new in self._remappings]
        for rule in [*scope.get("ros_remaps", []), *remaps]:
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


def find_executable(package: str, name: str) -> str:
    path = os.path.join(get_package_prefix(package), "lib", package, name)
    if not (os.path.isfile(path) and os.access(path, os.X_OK)):
        raise SubstitutionFailure(f"executable '{name}' of '{package}' not found: {path}")
    return path


def join_namespaces(base: str | None, name: str | None) -> str | None:
    """Make an absolute namespace; None if there is neither a base nor a name."""
    if base is None and name is None:
        return None
    joined = name if name and name.startswith("/") else f"{base or ''}/{name or ''}"
    return "/" + "/".join(checked(part) for part in joined.split("/") if part)


def checked(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise ValueError(f"invalid node name or namespace '{name}': only letters, digits and '_'")
    return name


def append(context: LaunchContext, key: str, *items: str) -> None:
    before = context.launch_configurations.get(key, [])
    context.launch_configurations[key] = [*before, *items]  # not in place: scopes share it


class SetParameter(Action):
    """Set a parameter of the nodes that follow in the scope."""

    def _do(self, context: LaunchContext, name: Text, value: Any) -> None:
        for key, plain in evaluate(context, {name: value}).items():
            text = yaml.safe_dump([plain], default_flow_style=True, width=2**20).strip()[1:-1]
            append(context, "global_params", "-p", f"{key}:={text}")


class SetParametersFromFile(Action):
    def _do(self, context: LaunchContext, filename: Text) -> None:
        append(context, "global_params", "--params-file", os.path.abspath(filename))


class SetRemap(Action):
    def _do(self, context: LaunchContext, src: Text, dst: Text) -> None:
        append(context, "ros_remaps", f"{src}:={dst}")


class PushRosNamespace(Action):
    def _do(self, context: LaunchContext, namespace: Text) -> None:
        base = context.launch_configurations.get("ros_namespace")
        context.launch_configurations["ros_namespace"] = join_namespaces(base, namespace)
