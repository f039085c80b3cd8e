"""The part of ROS 2's `launch` that spikeloop uses, for machines whose ROS lacks it."""

from launch import actions as actions
from launch import event_handlers as event_handlers
from launch import launch_description_sources as launch_description_sources
from launch.core import LaunchContext as LaunchContext
from launch.core import LaunchDescription as LaunchDescription
from launch.lacking import name_what_lacks
from launch.launch_service import LaunchService as LaunchService

name_what_lacks(__name__)
