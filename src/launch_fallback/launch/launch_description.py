"""What is to be launched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, TypeAlias, Union

from launch.conditions import Condition
from launch.deferred import say
from launch.launch_context import LaunchContext


class LaunchDescriptionEntity:
    """A part of a launch description."""

    future: asyncio.Future[None] | None = None  # done when nothing goes on any more

    def visit(self, context: LaunchContext) -> SomeEntitiesType | None:
        """Take effect, and return the entities that are to be visited next."""
        return None


SomeEntitiesType: TypeAlias = Union[LaunchDescriptionEntity, Iterable[LaunchDescriptionEntity]]


class Action(LaunchDescriptionEntity):
    """Something to do, if a condition holds."""

    def __init__(self, *, condition: Condition | None = None, **unknown: Any) -> None:
        for name in unknown:
            raise TypeError(say(f"{type(self).__name__}({name}=...)"))
        self.condition = condition

    def execute(self, context: LaunchContext) -> SomeEntitiesType | None:
        """Do it, and return the entities that are to be visited next."""
        return None

    def visit(self, context: LaunchContext) -> SomeEntitiesType | None:
        if self.condition is None or self.condition.evaluate(context):
            return self.execute(context)
        return None


class LaunchDescription(LaunchDescriptionEntity):
    """A list of entities, visited in order."""

    def __init__(self, initial_entities: Iterable[LaunchDescriptionEntity] | None = None) -> None:
        self.entities = as_list(initial_entities)

    def add_action(self, action: LaunchDescriptionEntity) -> None:
        """Append an action."""
        self.entities.append(action)

    def visit(self, context: LaunchContext) -> SomeEntitiesType | None:
        return self.entities

    def get_launch_arguments(self) -> list[Any]:
        """List the arguments that are declared here (not in included files)."""
        return [item for item in self.entities if type(item).__name__ == "DeclareLaunchArgument"]


def as_list(entities: SomeEntitiesType | None) -> list[LaunchDescriptionEntity]:
    """Make a list of one entity, of several or of none; TypeError for anything else."""
    one = entities is None or isinstance(entities, LaunchDescriptionEntity)
    result = [item for item in ([entities] if one else entities) if item is not None]
    for item in result:
        if not isinstance(item, LaunchDescriptionEntity):
            raise TypeError(f"expected an action or a launch description, got {item!r}")
    return result
