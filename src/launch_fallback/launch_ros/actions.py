"""ROS nodes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from ament_index_python.packages import get_package_prefix
from launch.actions import ExecuteProcess
from launch.core import LaunchContext, log


class Node(ExecuteProcess):
    """Run a ROS node: a process with ROS arguments.

    `executable` is one of `package`, or a path if there is none. `parameters` are files and
    dictionaries, whose values keep their types; later ones win.
    """

    def __init__(
        self,
        *,
        executable: str,
        package: str | None = None,
        name: str | None = None,
        namespace: str | None = None,
        parameters: list[Any] | None = None,
        remappings: Iterable[tuple[str, str]] = (),
        arguments: Iterable[str] = (),
        **options: Any,
    ) -> None:
        super().__init__(cmd=[executable, *arguments, "--ros-args"], **options)
        if isinstance(parameters, (str, Mapping)):
            raise TypeError("parameters of a Node must be a list of dictionaries and file paths")
        self._package, self._node_name = package, name
        self._namespace = None if namespace is None else "/" + namespace.strip("/")
        self._parameters, self._remappings = parameters or [], [*remappings]
        self._files: list[Any] = []

    def visit(self, context: LaunchContext) -> None:
        if self._package is not None:
            self.cmd[0] = find_executable(self._package, self.cmd[0])
        name, namespace = self._node_name, self._namespace
        self.cmd += ["-r", f"__node:={name}"] if name else []
        self.cmd += ["-r", f"__ns:={namespace}"] if namespace else []
        who = f"{namespace.rstrip('/')}/{name}" if namespace and name else "/**"
        for item in self._parameters:
            path = self._write(who, item) if isinstance(item, Mapping) else os.fspath(item)
            if os.path.isfile(path):
                self.cmd += ["--params-file", path]
            else:
                log("WARNING", "launch_ros", f"Parameter file path is not a file: {path}")
        for old, new in self._remappings:
            self.cmd += ["-r", f"{old}:={new}"]
        super().visit(context)

    def _write(self, who: str, parameters: Mapping[str, Any]) -> str:
        file = tempfile.NamedTemporaryFile("w", prefix="launch_params_")  # noqa: SIM115
        self._files.append(file)
        values = {name: plain(name, value) for name, value in parameters.items()}
        yaml.safe_dump({who: {"ros__parameters": values}}, file)
        file.flush()
        return file.name

    async def _supervise(self, context: LaunchContext) -> None:
        try:
            await super()._supervise(context)
        finally:
            for file in self._files:
                file.close()  # which removes it


def find_executable(package: str, name: str) -> str:
    """Return the path of a package's executable; RuntimeError if there is none."""
    path = os.path.join(get_package_prefix(package), "lib", package, name)
    if not (os.path.isfile(path) and os.access(path, os.X_OK)):
        raise RuntimeError(f"executable '{name}' of '{package}' not found: {path}")
    return path


def plain(name: str, value: Any) -> Any:
    """Return a value that ROS has a type for, with floats for mixed numbers; or TypeError."""
    items = [*value] if isinstance(value, (list, tuple)) else [value]
    types = {type(item) for item in items}
    if types == {int, float}:
        items, types = [float(item) for item in items], {float}
    if len(types) != 1 or not types <= {bool, int, float, str}:
        raise TypeError(
            f"parameter '{name}' is {value!r}, but must be bool, int, float, str or a list of one "
            "of them"
        )
    return items if isinstance(value, (list, tuple)) else value
