"""Texts that are known only while launching."""

from launch.core import EnvironmentVariable as EnvironmentVariable
from launch.core import LaunchConfiguration as LaunchConfiguration
from launch.core import PathJoinSubstitution as PathJoinSubstitution
from launch.core import SubstitutionFailure as SubstitutionFailure
from launch.core import TextSubstitution as TextSubstitution
from launch.core import ThisLaunchFileDir as ThisLaunchFileDir
