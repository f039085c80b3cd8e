"""The part of ROS 2's `launch_pytest` that spikeloop uses, for machines whose ROS lacks it."""

from launch.deferred import module_getattr
from launch_pytest import actions, tools
from launch_pytest.fixture import fixture

__all__ = ["actions", "fixture", "tools"]
__getattr__ = module_getattr(__name__)
