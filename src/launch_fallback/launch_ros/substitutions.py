"""Places of ROS packages."""

from __future__ import annotations

import os

from ament_index_python.packages import get_package_prefix, get_package_share_directory
from launch.core import LaunchContext, Substitution, Text
from launch.substitutions import SubstitutionFailure


class FindPackagePrefix(Substitution):
    def _do(self, context: LaunchContext, package: Text) -> str:
        return str(get_package_prefix(package))

class FindPackageShare(Substitution):
    def _do(self, context: LaunchContext, package: Text) -> str:
        return str(get_package_share_directory(package))

class ExecutableInPackage(Substitution):
    def _do(self, context: LaunchContext, executable: Text, package: Text) -> str:
        path = os.path.join(get_package_prefix(package), "lib", package, executable)
        if not (os.path.isfile(path) and os.access(path, os.X_OK)):
            raise SubstitutionFailure(f"executable '{executable}' of '{package}' not found: {path}")
        return path
