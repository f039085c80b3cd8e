"""Places of ROS packages."""

from __future__ import annotations

import os

from ament_index_python.packages import get_package_prefix, get_package_share_directory
from launch.deferred import Text, module_getattr
from launch.launch_context import LaunchContext
from launch.substitutions import SubstitutionFailure, substitution

__getattr__ = module_getattr(__name__)


@substitution
def FindPackagePrefix(context: LaunchContext, package: Text) -> str:
    """The folder that a package is installed in."""
    return str(get_package_prefix(package))


@substitution
def FindPackageShare(context: LaunchContext, package: Text) -> str:
    """The share folder of a package."""
    return str(get_package_share_directory(package))


@substitution
def ExecutableInPackage(context: LaunchContext, executable: Text, package: Text) -> str:
    """An executable of a package."""
    path = os.path.join(get_package_prefix(package), "lib", package, executable)
    if not (os.path.isfile(path) and os.access(path, os.X_OK)):
        raise SubstitutionFailure(f"executable '{executable}' of '{package}' not found: {path}")
    return path
