"""Waiting for what processes do."""

from launch_pytest.tools import process as process
