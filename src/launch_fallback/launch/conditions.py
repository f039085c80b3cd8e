"""Conditions of actions."""

from launch.core import IfCondition as IfCondition, UnlessCondition as UnlessCondition
