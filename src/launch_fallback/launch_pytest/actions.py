"""The action that says when the tests may begin."""

from __future__ import annotations

import threading
from typing import ClassVar

from launch.core import Action, LaunchContext


class ReadyToTest(Action):
    made: ClassVar[list[ReadyToTest]] = []

    def _do(self, context: LaunchContext) -> None:
        self.reached.set()

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.made.append(self)
