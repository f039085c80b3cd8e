"""Places of ROS packages."""

from launch_ros.actions import FindPackagePrefix as FindPackagePrefix
from launch_ros.actions import FindPackageShare as FindPackageShare
