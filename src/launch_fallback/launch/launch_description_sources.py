"""Where launch descriptions come from."""

from launch.core import (
    AnyLaunchDescriptionSource as AnyLaunchDescriptionSource,
    PythonLaunchDescriptionSource as PythonLaunchDescriptionSource,
)
