"""Waiting for what processes do."""

from launch.deferred import module_getattr
from launch_pytest.tools import process

__all__ = ["process"]
__getattr__ = module_getattr(__name__)
