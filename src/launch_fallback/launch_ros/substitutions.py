"""Places of ROS packages."""

from launch_ros.actions import (
    FindPackagePrefix as FindPackagePrefix,
    FindPackageShare as FindPackageShare,
)
