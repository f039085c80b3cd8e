"""The part of ROS 2's `launch` that spikeloop uses, for machines whose ROS lacks it."""

from launch import actions as actions, event_handlers as event_handlers, utilities as utilities
from launch import launch_description_sources as launch_description_sources
from launch import conditions as conditions, events as events, substitutions as substitutions
from launch.core import (
    Action as Action, Condition as Condition, Event as Event, EventHandler as EventHandler,
    LaunchContext as LaunchContext, LaunchDescription as LaunchDescription,
    LaunchDescriptionEntity as LaunchDescriptionEntity, Substitution as Substitution,
    LaunchDescriptionSource as LaunchDescriptionSource, SomeEntitiesType as SomeEntitiesType,
    SomeSubstitutionsType as SomeSubstitutionsType, name_what_lacks,
)
from launch.events import process as process
from launch.launch_service import LaunchService as LaunchService

name_what_lacks(__name__)
