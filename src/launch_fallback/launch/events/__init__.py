"""Events that launch files can emit or handle."""

from launch.core import Shutdown as Shutdown
from launch.core import matches_action as matches_action
