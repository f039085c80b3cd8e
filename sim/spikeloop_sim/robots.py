"""Robots by name, as missions call them.

A robot is a file of this folder with a line `ROBOT = "NAME"` and a function `build(order)`; nothing
else has to be edited. Other packages name such a function as an entry point.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from spikeloop.loop.mission import Mission
from spikeloop.parameters import suggestion
from spikeloop_sim.robot import Robot

GROUP = "spikeloop.robots"
FILES = ("urdf", "sdf")
"""Kinds of files that are robots; the name of a kind is that of its robot."""
_DECLARES = re.compile(r'^ROBOT = "(\w+)"', re.MULTILINE)


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Attributes:
        name: of the robot.
        parameters: of its config.
        world: name of the world that it is to be in; empty for its own.
        world_parameters: of the world.

    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    world: str = ""
    world_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """Start of each message about it."""
        return f"robot '{self.name}': "

    def refuse_world(self) -> None:
        """Raise ValueError where a world is asked for; for robots that have their own."""
        if self.world:
            raise ValueError(
                f"{self.owner}has a world of its own, so 'world: {self.world}' must go"
            )


@cache
def robots() -> dict[str, str]:
    """All robots: name to "module:function"."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if match := _DECLARES.search(path.read_text(encoding="utf-8")):
            found[match[1]] = f"spikeloop_sim.{path.stem}:build"
    return found | {entry.name: entry.value for entry in entry_points(group=GROUP)}


def make_robot(
    name: str,
    parameters: Mapping[str, Any],
    world: str = "",
    world_parameters: Mapping[str, Any] | None = None,
) -> Robot:
    """Build a simulated robot; its world is made by `Robot.reset`.

    Raises:
        ValueError: unknown robot, world or parameter; the nearest is named.
        ModelFileError: the robot's file can't be one; a ValueError too.

    """
    order = Order(name, parameters, world, world_parameters or {})
    if name.startswith("gymnasium:"):
        from spikeloop_sim.gymnasium_robot import make_gymnasium_robot

        order.refuse_world()
        return make_gymnasium_robot(name, parameters)
    known = robots()
    if (kind := Path(name).suffix.lower().lstrip(".")) in FILES:
        # The robot is a file itself.
        if "file" in parameters:
            raise ValueError(f"{order.owner}parameter 'file' must go, for the robot names a file")
        order = replace(order, parameters={**parameters, "file": name})
        name = kind
    if name not in known:
        raise ValueError(
            f"unknown robot '{name}'{suggestion(name, known)}; there are: {', '.join(known)}, "
            "a .urdf or .sdf file, and gymnasium:ID for any Gymnasium environment"
        )
    module, _, function = known[name].partition(":")
    robot: Robot = getattr(importlib.import_module(module), function)(order)
    return robot


def robot_of(mission: Mission) -> Robot:
    """Build the robot of a mission, in its world.

    Raises:
        ValueError: unknown robot, world or parameter; the mission and the nearest are named.

    """
    try:
        return make_robot(
            mission.robot, mission.robot_parameters, mission.world, mission.world_parameters
        )
    except ValueError as error:
        raise ValueError(f"mission '{mission.name}': {error}") from error
