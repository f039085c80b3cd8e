"""The part of ROS 2's `launch_pytest` that spikeloop uses, for machines whose ROS lacks it."""

from launch.core import name_what_lacks

from launch_pytest import actions, tools
from launch_pytest.plugin import fixture

__all__ = ["actions", "fixture", "tools"]
name_what_lacks(__name__)
