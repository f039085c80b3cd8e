"""Actions of launch descriptions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import Any

from launch import events
from launch.actions.execute_process import ExecuteProcess
from launch.deferred import SomeSubstitutionsType, Text, deferred, module_getattr
from launch.event_handlers import EventHandler, OnShutdown
from launch.events.process import ProcessExited
from launch.launch_context import LaunchContext
from launch.launch_description import Action, LaunchDescription, SomeEntitiesType
from launch.launch_description_sources import AnyLaunchDescriptionSource, LaunchDescriptionSource
from launch.logging import get_logger

__all__ = ["ExecuteProcess"]
__getattr__ = module_getattr(__name__)
action = deferred(Action, "execute")


@action
def OpaqueFunction(
    context: LaunchContext, *, function: Callable[..., Any], args: Iterable[Any] = (),
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Call a function of the context, and visit what it returns."""
    return function(context, *args, **(kwargs or {}))


@action
def EmitEvent(context: LaunchContext, *, event: events.Event) -> None:
    """Emit an event."""
    context.emit_event_sync(event)


@action
def Shutdown(context: LaunchContext, *, reason: str = "reason not given") -> None:
    """End the launched system."""
    if isinstance(event := context.names.get("event"), ProcessExited):
        name = event.process_name
        get_logger("launch").info(f"process[{name}] was required: shutting down launched system")
    context.emit_event_sync(events.Shutdown(reason=reason))


@action
def LogInfo(context: LaunchContext, *, msg: Text) -> None:
    """Write a message to the screen."""
    get_logger("launch.user").info(msg)


@action
def SetLaunchConfiguration(context: LaunchContext, name: Text, value: Text) -> None:
    """Set a launch configuration."""
    context.launch_configurations[name] = value


@action
def SetEnvironmentVariable(context: LaunchContext, name: Text, value: Text) -> None:
    """Set an environment variable, of this process and of children that start afterwards."""
    context.environment[name] = value


@action
def UnsetEnvironmentVariable(context: LaunchContext, name: Text) -> None:
    """Remove an environment variable, if it is there."""
    context.environment.pop(name, None)


@action
def RegisterEventHandler(context: LaunchContext, event_handler: EventHandler) -> None:
    """Add an event handler."""
    context.register_event_handler(event_handler)


@action
def UnregisterEventHandler(context: LaunchContext, event_handler: EventHandler) -> None:
    """Remove an event handler."""
    context.unregister_event_handler(event_handler)


@action
def GroupAction(
    context: LaunchContext, actions: Iterable[Action], *, scoped: bool = True,
    launch_configurations: dict[Any, Any] | None = None,
) -> SomeEntitiesType:
    """Visit actions; what they set of configurations and environment ends with a scoped group."""
    configurations, environment = dict(context.launch_configurations), dict(os.environ)

    def restore(context: LaunchContext) -> None:
        context.launch_configurations = configurations
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)

    sets = [SetLaunchConfiguration(*item) for item in (launch_configurations or {}).items()]
    return [*sets, *actions, *([OpaqueFunction(function=restore)] if scoped else [])]


@action
def DeclareLaunchArgument(
    context: LaunchContext, name: str, *, default_value: Any = None,
    description: str = "no description given", choices: list[str] | None = None,
) -> None:
    """Say that a configuration is an argument; without `default_value` it must be given."""
    if name not in context.launch_configurations:
        if default_value is None:
            raise RuntimeError(f'Required launch argument "{name}" was not provided.')
        context.launch_configurations[name] = context.perform_substitution(default_value)
    value = context.launch_configurations[name]
    if choices is not None and value not in choices:
        raise RuntimeError(
            f'Argument "{name}" provided value "{value}" is not valid. Valid options are: {choices}')


@action
def IncludeLaunchDescription(
    context: LaunchContext, launch_description_source: LaunchDescriptionSource | Any, *,
    launch_arguments: Iterable[tuple[Any, Any]] = (),
) -> SomeEntitiesType:
    """Visit a launch file, with arguments, which stay set afterwards unless grouped."""
    source = launch_description_source
    if not isinstance(source, LaunchDescriptionSource):
        source = AnyLaunchDescriptionSource(source)
    description, outer = source.get_launch_description(context), dict(context.names)
    folder = os.path.dirname(os.path.abspath(source.location))
    context.names["current_launch_file_directory"] = folder
    sets = [SetLaunchConfiguration(*item) for item in launch_arguments]
    return [*sets, description, OpaqueFunction(function=lambda _: context.names.update(outer))]


class TimerAction(Action):
    """Visit actions after a period in seconds, unless cancelled; a shutdown cancels too."""

    def __init__(
        self, *, period: float | SomeSubstitutionsType, actions: Iterable[Action],
        cancel_on_shutdown: bool = True, **options: Any,
    ) -> None:
        super().__init__(**options)
        self.period, self.actions, self._cancel_on_shutdown = period, actions, cancel_on_shutdown

    def cancel(self) -> None:
        """Visit nothing."""
        if self.future is not None:
            self.future.cancel()

    def execute(self, context: LaunchContext) -> None:
        async def fire(names: dict[str, Any]) -> None:
            await asyncio.sleep(float(seconds))
            description = LaunchDescription(self.actions)
            context.emit_event_sync(
                events.IncludeLaunchDescription(launch_description=description, names=names))

        seconds = self.period
        if not isinstance(seconds, (int, float)):
            seconds = context.perform_substitution(seconds)
        self.future = asyncio.ensure_future(fire(context.names))
        if self._cancel_on_shutdown:
            context.register_event_handler(OnShutdown(on_shutdown=lambda *_: self.cancel()))
