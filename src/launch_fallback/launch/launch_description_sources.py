"""Where launch descriptions come from."""

from launch.core import AnyLaunchDescriptionSource as AnyLaunchDescriptionSource
from launch.core import PythonLaunchDescriptionSource as PythonLaunchDescriptionSource
