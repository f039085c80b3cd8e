"""Actions of launch descriptions."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from launch import core
from launch.core import Action, LaunchContext, LaunchDescription, SomeEntities, log
from launch.execute_process import ExecuteProcess as ExecuteProcess
from launch.lacking import say
from launch.launch_description_sources import PythonLaunchDescriptionSource


@dataclass(eq=False, kw_only=True)
class OpaqueFunction(Action):
    """Call a function with the context, and visit the list that it returns, or None."""

    function: Callable[[LaunchContext], Any]

    def visit(self, context: LaunchContext) -> Any:
        entities = self.function(context)
        if not isinstance(entities, list | None):
            raise TypeError(f"an OpaqueFunction must return a list or None, not {entities!r}")
        return entities


@dataclass(eq=False, kw_only=True)
class Shutdown(Action):
    """End all that was launched."""

    reason: str = "reason not given"

    def visit(self, context: LaunchContext) -> None:
        if isinstance(event := context.event, core.ProcessExited):
            name = event.process_name
            log("INFO", "launch", f"process[{name}] was required: shutting down launched system")
        context.events.put_nowait(core.Shutdown(reason=self.reason, due_to_sigint=False))


@dataclass(eq=False, kw_only=True)
class LogInfo(Action):
    msg: str

    def visit(self, context: LaunchContext) -> None:
        log("INFO", "launch.user", self.msg)


@dataclass(eq=False)
class SetEnvironmentVariable(Action):
    """Set an environment variable, of this process and of children that start afterwards."""

    name: str
    value: str

    def visit(self, context: LaunchContext) -> None:
        context.environment[self.name] = self.value


@dataclass(eq=False)
class RegisterEventHandler(Action):
    event_handler: Callable[[Any, Any], Any]

    def visit(self, context: LaunchContext) -> None:
        context.register_event_handler(self.event_handler)


@dataclass(eq=False)
class DeclareLaunchArgument(Action):
    """Say that a configuration is an argument; without `default_value` it must be given."""

    name: str
    default_value: str | None = None
    description: str = "no description given"

    def visit(self, context: LaunchContext) -> None:
        given = context.launch_configurations
        if self.default_value is not None:
            given.setdefault(self.name, self.default_value)
        elif self.name not in given:
            raise RuntimeError(
                f'Required launch argument "{self.name}" was not provided. '
                f"It says: {self.description}"
            )


@dataclass(eq=False)
class IncludeLaunchDescription(Action):
    """Visit a launch file, with arguments, which stay set afterwards."""

    launch_description_source: PythonLaunchDescriptionSource
    launch_arguments: Iterable[tuple[str, str]] = ()

    def visit(self, context: LaunchContext) -> SomeEntities:
        source = self.launch_description_source
        if not isinstance(source, PythonLaunchDescriptionSource):
            raise TypeError(say(f"IncludeLaunchDescription({source!r})"))
        description, given = source.get_launch_description(context), dict(self.launch_arguments)
        known = [e.name for e in description.entities if isinstance(e, DeclareLaunchArgument)]
        for name in given.keys() - known:  # the original says nothing
            close = difflib.get_close_matches(name, known, 1)
            meant = f" (did you mean '{close[0]}'?)" if close else ""
            text = f"{source.location} declares no argument '{name}'{meant}"
            log("WARNING", "launch", f"{text}; it declares: {', '.join(known) or 'none'}")
        context.launch_configurations.update(given)
        return description


@dataclass(eq=False, kw_only=True)
class TimerAction(Action):
    """Visit actions after a period in seconds, unless all ends before."""

    period: float
    actions: Iterable[Action]

    def visit(self, context: LaunchContext) -> None:
        def cancel_at_the_end(event: core.Event, context: LaunchContext) -> None:
            if isinstance(event, core.Shutdown):
                timer.cancel()

        async def fire() -> None:
            await asyncio.sleep(self.period)
            context.events.put_nowait(core.Visit(entity=LaunchDescription(self.actions)))

        context.register_event_handler(cancel_at_the_end)
        self.future = timer = asyncio.ensure_future(fire())
        timer.add_done_callback(lambda _: context.handlers.remove(cancel_at_the_end))
