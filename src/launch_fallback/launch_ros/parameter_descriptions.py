"""Values of parameters."""

from launch_ros.actions import ParameterValue as ParameterValue
