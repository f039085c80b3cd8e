"""Events that launch files can emit or handle."""

from launch.core import Shutdown as Shutdown, matches_action as matches_action
