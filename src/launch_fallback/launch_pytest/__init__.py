"""The part of ROS 2's `launch_pytest` that spikeloop uses, for machines whose ROS lacks it."""

try:
    from launch.lacking import name_what_lacks
except ModuleNotFoundError as error:
    raise ImportError(
        "ROS 2's own launch needs its own launch_pytest: please install it"
    ) from error

from launch_pytest import actions as actions
from launch_pytest import tools as tools
from launch_pytest.plugin import fixture as fixture

name_what_lacks(__name__)
