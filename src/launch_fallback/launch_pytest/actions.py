"""The action that says when the tests may begin."""

from __future__ import annotations

import threading
from typing import ClassVar

from launch.core import Action, LaunchContext


class ReadyToTest(Action):
    made: ClassVar[list[ReadyToTest]] = []  # wherever they are in a description

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.made.append(self)

    def visit(self, context: LaunchContext) -> None:
        self.reached.set()
