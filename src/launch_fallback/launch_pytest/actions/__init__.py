"""The action that says when the tests may begin."""

from __future__ import annotations

from launch.deferred import module_getattr
from launch.launch_context import LaunchContext
from launch.launch_description import Action

__getattr__ = module_getattr(__name__)


class ReadyToTest(Action):
    """Let the tests begin."""

    made = 0  # how many there are

    def __init__(self) -> None:
        super().__init__()
        ReadyToTest.made += 1

    def execute(self, context: LaunchContext) -> None:
        context.ready.set()
