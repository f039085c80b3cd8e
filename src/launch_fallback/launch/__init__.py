"""The part of ROS 2's `launch` that spikeloop uses, for machines whose ROS lacks it."""

from launch import actions as actions
from launch import conditions as conditions
from launch import event_handlers as event_handlers
from launch import events as events
from launch import launch_description_sources as launch_description_sources
from launch import substitutions as substitutions
from launch import utilities as utilities
from launch.core import Action as Action
from launch.core import Condition as Condition
from launch.core import Event as Event
from launch.core import EventHandler as EventHandler
from launch.core import LaunchContext as LaunchContext
from launch.core import LaunchDescription as LaunchDescription
from launch.core import LaunchDescriptionEntity as LaunchDescriptionEntity
from launch.core import LaunchDescriptionSource as LaunchDescriptionSource
from launch.core import SomeEntitiesType as SomeEntitiesType
from launch.core import SomeSubstitutionsType as SomeSubstitutionsType
from launch.core import Substitution as Substitution
from launch.core import name_what_lacks
from launch.events import process as process
from launch.launch_service import LaunchService as LaunchService

name_what_lacks(__name__)
