"""The part of ROS 2's `launch` that spikeloop uses, for machines whose ROS lacks it."""

from launch import (
    actions,
    conditions,
    event_handlers,
    events,
    launch_description_sources,
    logging,
    substitutions,
)
from launch.conditions import Condition
from launch.event_handlers import EventHandler
from launch.events import Event
from launch.launch_context import LaunchContext
from launch.launch_description import Action, LaunchDescription, LaunchDescriptionEntity
from launch.launch_description_sources import LaunchDescriptionSource
from launch.launch_service import LaunchService
from launch.deferred import SomeSubstitutionsType, Substitution, module_getattr

__all__ = [name for name in dir() if not name.startswith("_")]
__getattr__ = module_getattr(__name__)
