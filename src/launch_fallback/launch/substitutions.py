"""Texts that are known only while launching."""

from launch.core import (
    EnvironmentVariable as EnvironmentVariable, LaunchConfiguration as LaunchConfiguration,
    PathJoinSubstitution as PathJoinSubstitution, SubstitutionFailure as SubstitutionFailure,
    TextSubstitution as TextSubstitution, ThisLaunchFileDir as ThisLaunchFileDir,
)
