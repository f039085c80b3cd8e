"""The part of ROS 2's `launch_ros` that spikeloop uses, for machines whose ROS lacks it."""

from launch.core import name_what_lacks

from launch_ros import actions, parameter_descriptions, substitutions

__all__ = ["actions", "parameter_descriptions", "substitutions"]
name_what_lacks(__name__)
