"""Actions of launch descriptions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import Any

from launch import core
from launch.core import (
    Action,
    Event,
    EventHandler,
    LaunchContext,
    LaunchDescription,
    OnShutdown,
    SomeEntitiesType,
    Text,
    log,
)
from launch.execute_process import ExecuteProcess as ExecuteProcess


class OpaqueFunction(Action):
    def _do(
        self,
        context: LaunchContext,
        *,
        function: Callable[..., Any],
        args: Iterable[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        return function(context, *args, **(kwargs or {}))


class EmitEvent(Action):
    def _do(self, context: LaunchContext, *, event: Event) -> None:
        context.emit_event_sync(event)


class Shutdown(Action):
    def _do(self, context: LaunchContext, *, reason: str = "reason not given") -> None:
        if isinstance(event := context.names.get("event"), core.ProcessExited):
            name = event.process_name
            log("INFO", "launch", f"process[{name}] was required: shutting down launched system")
        context.emit_event_sync(core.Shutdown(reason=reason))


class LogInfo(Action):
    def _do(self, context: LaunchContext, *, msg: Text) -> None:
        log("INFO", "launch.user", msg)


class SetLaunchConfiguration(Action):
    def _do(self, context: LaunchContext, name: Text, value: Text) -> None:
        context.launch_configurations[name] = value


class SetEnvironmentVariable(Action):
    """Set an environment variable, of this process and of children that start afterwards."""

    def _do(self, context: LaunchContext, name: Text, value: Text) -> None:
        context.environment[name] = value


class UnsetEnvironmentVariable(Action):
    def _do(self, context: LaunchContext, name: Text) -> None:
        context.environment.pop(name, None)


class RegisterEventHandler(Action):
    def _do(self, context: LaunchContext, event_handler: EventHandler) -> None:
        context.register_event_handler(event_handler)


class UnregisterEventHandler(Action):
    def _do(self, context: LaunchContext, event_handler: EventHandler) -> None:
        context.unregister_event_handler(event_handler)


class GroupAction(Action):
    """Visit actions; what they set of configurations and environment ends with a scoped group."""

    def _do(
        self,
        context: LaunchContext,
        actions: Iterable[Action],
        *,
        scoped: bool = True,
        launch_configurations: dict[Any, Any] | None = None,
    ) -> SomeEntitiesType:
        configurations, environment = dict(context.launch_configurations), dict(os.environ)

        def restore(context: LaunchContext) -> None:
            context.launch_configurations = configurations
            for name in os.environ.keys() - environment.keys():
                del os.environ[name]
            os.environ.update(environment)

        sets = [SetLaunchConfiguration(*item) for item in (launch_configurations or {}).items()]
        return [*sets, *actions, *([OpaqueFunction(function=restore)] if scoped else [])]


class DeclareLaunchArgument(Action):
    """Say that a configuration is an argument; without `default_value` it must be given."""

    def _do(
        self,
        context: LaunchContext,
        name: str,
        *,
        default_value: Any = None,
        description: str = "no description given",
        choices: list[str] | None = None,
    ) -> None:
        given = context.launch_configurations
        if name not in given:
            if default_value is None:
                raise RuntimeError(f'Required launch argument "{name}" was not provided.')
            given[name] = context.perform_substitution(default_value)
        if choices is not None and given[name] not in choices:
            raise RuntimeError(
                f'Argument "{name}" provided value "{given[name]}" is not valid. '
                f"Valid options are: {choices}"
            )


class IncludeLaunchDescription(Action):
    """Visit a launch file, with arguments, which stay set afterwards unless grouped."""

    def _do(
        self,
        context: LaunchContext,
        launch_description_source: Any,
        *,
        launch_arguments: Iterable[tuple[Any, Any]] = (),
    ) -> SomeEntitiesType:
        outer, source = dict(context.names), launch_description_source
        if not isinstance(source, core.LaunchDescriptionSource):
            source = core.AnyLaunchDescriptionSource(source)
        description = source.get_launch_description(context)
        sets = [SetLaunchConfiguration(*item) for item in launch_arguments]
        return [*sets, description, OpaqueFunction(function=lambda _: context.names.update(outer))]


class TimerAction(Action):
    """Visit actions after a period in seconds, unless cancelled; a shutdown cancels too."""

    def _do(
        self,
        context: LaunchContext,
        *,
        period: Any,
        actions: Iterable[Action],
        cancel_on_shutdown: bool = True,
    ) -> None:
        async def fire(seconds: float, names: dict[str, Any]) -> None:
            await asyncio.sleep(seconds)
            context.emit_event_sync(
                core.IncludeLaunchDescription(
                    launch_description=LaunchDescription(actions), names=names
                )
            )

        plain = isinstance(period, (int, float))
        seconds = float(period if plain else context.perform_substitution(period))
        self.future = asyncio.ensure_future(fire(seconds, context.names))
        if cancel_on_shutdown:
            context.register_event_handler(OnShutdown(on_shutdown=lambda *_: self.cancel()))

    def cancel(self) -> None:
        """Visit nothing."""
        if self.future is not None:
            self.future.cancel()
