"""Handlers of what happens to processes and of the end."""

from launch.core import OnProcessExit as OnProcessExit
from launch.core import OnProcessIO as OnProcessIO
from launch.core import OnProcessStart as OnProcessStart
from launch.core import OnShutdown as OnShutdown
