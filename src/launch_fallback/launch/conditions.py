"""Conditions of actions."""

from launch.core import IfCondition as IfCondition
from launch.core import UnlessCondition as UnlessCondition
