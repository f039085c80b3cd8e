"""Handlers of what happens to processes and of the end."""

from launch.core import (
    OnProcessExit as OnProcessExit, OnProcessIO as OnProcessIO, OnProcessStart as OnProcessStart,
    OnShutdown as OnShutdown,
)
