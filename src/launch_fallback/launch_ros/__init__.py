"""The part of ROS 2's `launch_ros` that spikeloop uses, for machines whose ROS lacks it."""

from launch.deferred import module_getattr

__getattr__ = module_getattr(__name__)
