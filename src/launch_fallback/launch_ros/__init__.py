"""The part of ROS 2's `launch_ros` that spikeloop uses, for machines whose ROS lacks it."""

from launch.lacking import name_what_lacks

from launch_ros import actions as actions

name_what_lacks(__name__)
