"""What launch descriptions are made of: texts, conditions, events, handlers, entities."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from importlib.machinery import SourceFileLoader
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar, TypeAlias

Text: TypeAlias = str  # as an argument of `_do`: performed from substitutions


def say(feature: str) -> str:
    """Word the message for a feature that is not here."""
    return f"'{feature}' is misspelt, or not covered here: a full ROS 2 installation has all of it"


def name_what_lacks(package: str) -> None:
    """Let modules name what they lack; `import` would hide the message of an AttributeError."""
    for module in [m for name, m in sys.modules.items() if name.split(".")[0] == package]:

        def missing(name: str, module: str = module.__name__) -> Any:
            kind = AttributeError if name.startswith(("_", "pytest")) else ImportError  # by tools
            raise kind(say(f"{module}.{name}"))

        vars(module)["__getattr__"] = missing


def show(text: str) -> None:
    """Write a line to the screen; nothing ends because nobody reads it."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    with contextlib.suppress(OSError, ValueError):
        print(text.encode(encoding, "replace").decode(encoding), flush=True)


def log(level: str, name: str, text: str) -> None:
    """Write a message about something that has a name to the screen."""
    show(f"[{level}] [{name}]: {text}")


class LaunchContext:
    """The state of a launch; `noninteractive` says that no terminal sends SIGINT to children."""

    def __init__(self, *, argv: Iterable[str] | None = None, noninteractive: bool = False) -> None:
        self.argv, self.noninteractive = list(argv or ()), noninteractive
        self.launch_configurations: dict[str, Any] = {}
        self.names: dict[str, Any] = {}  # known in the current scope
        self.asyncio_loop: asyncio.AbstractEventLoop | None = None
        self.queue: deque[Any] = deque()
        self.event_handlers: deque[EventHandler] = deque()
        self.environment, self.is_shutdown, self.news = os.environ, False, asyncio.Event()

    @property
    def locals(self) -> Any:  # what is known in the current scope, as `event` in a handler
        return SimpleNamespace(**self.names)

    def perform_substitution(self, substitution: SomeSubstitutionsType) -> str:
        parts = normalize_to_list_of_substitutions(substitution)
        return "".join(part.perform(self) for part in parts)

    def register_event_handler(self, event_handler: EventHandler, append: bool = False) -> None:
        self.event_handlers.insert(len(self.event_handlers) if append else 0, event_handler)

    def unregister_event_handler(self, event_handler: EventHandler) -> None:
        self.event_handlers.remove(event_handler)

    def emit_event_sync(self, event: Any) -> None:
        """Queue an event, from any thread; a future is set when its turn comes."""
        self.queue.append(event)
        if self.asyncio_loop is not None:
            self.asyncio_loop.call_soon_threadsafe(self.news.set)

    async def events_handled(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self.emit_event_sync(turn)
        await turn


class Deferred:
    """Something that gets its arguments now and the context later, to call `_do` with both.

    The arguments are those of `_do`, and become attributes; the ones that it annotates as Text
    are performed before the call.
    """

    _do: Callable[..., Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._arguments = [*inspect.signature(self._do).parameters.values()][1:]
        known = inspect.Signature(self._arguments)
        for name in {*kwargs} - {*known.parameters}:
            raise TypeError(say(f"{type(self).__name__}({name}=...)"))
        bound = known.bind(*args, **kwargs)
        bound.apply_defaults()
        vars(self).update(bound.arguments)

    def _call(self, context: LaunchContext) -> Any:
        def given(item: inspect.Parameter) -> Any:
            value = getattr(self, item.name)
            is_text = str(item.annotation).startswith("Text") and value is not None
            return context.perform_substitution(value) if is_text else value

        return self._do(context, **{item.name: given(item) for item in self._arguments})


class Substitution(Deferred):
    """A text that is known only while launching."""

    perform = Deferred._call


SomeSubstitutionsType: TypeAlias = str | Substitution | Iterable[str | Substitution]


class TextSubstitution(Substitution):
    def _do(self, context: LaunchContext, *, text: str) -> str:
        return text


def perform_substitutions(context: LaunchContext, subs: SomeSubstitutionsType) -> str:
    return context.perform_substitution(subs)


def normalize_to_list_of_substitutions(subs: SomeSubstitutionsType) -> list[Substitution]:
    """Make substitutions of texts and substitutions; TypeError if there is anything else."""
    result = []
    for part in [subs] if isinstance(subs, (str, Substitution)) else subs:
        if not isinstance(part, (str, Substitution)):
            raise TypeError(f"expected a text or a substitution, got {part!r}")
        result.append(TextSubstitution(text=part) if isinstance(part, str) else part)
    return result


class Condition(Deferred):
    """Whether an action is executed."""

    evaluate = Deferred._call


class Event(SimpleNamespace):
    """Something that happened, or that is asked for; its fields are given by name."""


class EventHandler:
    """Visit entities, or what a function of event and context returns, when an event matches."""

    def __init__(
        self, *, matcher: Callable[[Event], bool], entities: Any = None, handle_once: bool = False
    ) -> None:
        self.matches, self.handle_once = matcher, handle_once
        self.entities = entities if callable(entities) else as_list(entities)

    def handle(self, event: Event, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        if self.handle_once:
            context.unregister_event_handler(self)
        return as_list(self.entities(event, context) if callable(self.entities) else self.entities)


class LaunchDescriptionEntity:
    """A part of a launch description."""

    future: asyncio.Future[None] | None = None  # done when nothing goes on any more

    def visit(self, context: LaunchContext) -> Any:
        """Take effect, and return the entities that are to be visited next."""


SomeEntitiesType: TypeAlias = LaunchDescriptionEntity | Iterable[LaunchDescriptionEntity]


def as_list(entities: SomeEntitiesType | None) -> list[LaunchDescriptionEntity]:
    """Make a list of one entity, of several or of none; TypeError for anything else."""
    if entities is None or isinstance(entities, LaunchDescriptionEntity):
        return [] if entities is None else [entities]
    result = list(entities)
    for item in result:
        if not isinstance(item, LaunchDescriptionEntity):
            raise TypeError(f"expected an action or a launch description, got {item!r}")
    return result


class Action(Deferred, LaunchDescriptionEntity):
    """Something to do, if a condition holds."""

    def __init__(self, *args: Any, condition: Condition | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.condition = condition

    execute = Deferred._call

    def visit(self, context: LaunchContext) -> Any:
        holds = self.condition is None or self.condition.evaluate(context)
        return self.execute(context) if holds else None


class LaunchDescription(LaunchDescriptionEntity):
    """A list of entities, visited in order."""

    def __init__(self, initial_entities: Iterable[LaunchDescriptionEntity] | None = None) -> None:
        self.entities = as_list(initial_entities)

    def add_action(self, action: LaunchDescriptionEntity) -> None:
        self.entities.append(action)

    def visit(self, context: LaunchContext) -> SomeEntitiesType | None:
        return self.entities


class SubstitutionFailure(RuntimeError):
    """A substitution has no text."""


class LaunchConfiguration(Substitution):
    def _do(self, context: LaunchContext, variable_name: Text, *, default: Any = None) -> str:
        if variable_name in context.launch_configurations:
            return str(context.launch_configurations[variable_name])
        if default is None:
            raise SubstitutionFailure(f"launch configuration '{variable_name}' does not exist")
        plain = isinstance(default, (bool, int, float))
        return context.perform_substitution(str(default) if plain else default)


class PathJoinSubstitution(Substitution):
    def _do(self, context: LaunchContext, substitutions: Iterable[Any]) -> str:
        return os.path.join(*(context.perform_substitution(part) for part in substitutions))


class EnvironmentVariable(Substitution):
    def _do(self, context: LaunchContext, name: Text, *, default_value: Text | None = None) -> str:
        value = context.environment.get(name, default_value)
        if value is None:
            raise SubstitutionFailure(f"environment variable '{name}' does not exist")
        return value


class ThisLaunchFileDir(Substitution):
    def _do(self, context: LaunchContext) -> str:
        if "folder" not in context.names:
            raise SubstitutionFailure("ThisLaunchFileDir used outside of a launch file")
        return str(context.names["folder"])


def is_true(text: str) -> bool:
    """Read 'true', '1', 'false' or '0', in any case; ValueError for any other text."""
    if (text := text.strip().lower()) not in ("true", "1", "false", "0"):
        raise ValueError(f"condition '{text}' must be one of 'true', '1', 'false', '0'")
    return text in ("true", "1")


class IfCondition(Condition):
    def _do(self, context: LaunchContext, predicate_expression: Text) -> bool:
        return is_true(predicate_expression)


class UnlessCondition(Condition):
    def _do(self, context: LaunchContext, predicate_expression: Text) -> bool:
        return not is_true(predicate_expression)


class Shutdown(Event):
    reason, due_to_sigint = "reason not given", False


class IncludeLaunchDescription(Event):
    """The description `launch_description` is to be launched, where `names` are known."""


def matches_action(target_action: Any) -> Callable[[Any], bool]:
    return lambda action: action is target_action


class ProcessStarted(Event):
    """A process has started: `action`, `process_name`, `pid`, `cmd`, `cwd`, `env`."""


class ProcessExited(Event):
    """A process has ended with `returncode`, which is negative if a signal ended it."""


class ProcessStdout(Event):
    """A process wrote `text` (bytes, not whole lines) to its standard output."""


class ProcessStderr(Event):
    """A process wrote `text` (bytes, not whole lines) to its standard error."""


class ShutdownProcess(Event):
    """The processes that `process_matcher` accepts are to end: SIGINT first, then more."""


class SignalProcess(Event):
    """The processes that `process_matcher` accepts are to get the signal `signal_number`."""


class Reaction(EventHandler):
    """Handle events of some kinds, each with an argument of its own, from one process or all."""

    kinds: ClassVar[dict[str, type[Event]]]

    def __init__(
        self, *, target_action: Any = None, handle_once: bool = False, **reactions: Any
    ) -> None:
        for name in {*reactions} - {*self.kinds}:
            raise TypeError(say(f"{type(self).__name__}({name}=...)"))
        given = {self.kinds[name]: reaction for name, reaction in reactions.items()}

        def matches(event: Event) -> bool:
            if target_action is None or type(event) not in given:
                return type(event) in given
            is_function = callable(target_action)
            return target_action(event.action) if is_function else event.action is target_action

        def react(event: Event, context: LaunchContext) -> Any:
            reaction = given[type(event)]
            if not callable(reaction):
                return reaction
            is_output = isinstance(event, (ProcessStdout, ProcessStderr))
            return reaction(event) if is_output else reaction(event, context)

        super().__init__(matcher=matches, entities=react, handle_once=handle_once)


class OnShutdown(Reaction):
    kinds: ClassVar = {"on_shutdown": Shutdown}


class OnProcessStart(Reaction):
    kinds: ClassVar = {"on_start": ProcessStarted}


class OnProcessExit(Reaction):
    kinds: ClassVar = {"on_exit": ProcessExited}


class OnProcessIO(Reaction):
    kinds: ClassVar = {"on_stdout": ProcessStdout, "on_stderr": ProcessStderr}


class LaunchDescriptionSource(Deferred):
    get_launch_description = Deferred._call

    def _do(self, context: LaunchContext, launch_description: Any) -> Any:
        return launch_description


class PythonLaunchDescriptionSource(LaunchDescriptionSource):
    """A Python file with a function `generate_launch_description`."""

    def _do(self, context: LaunchContext, launch_file_path: Text) -> Any:
        if not launch_file_path.endswith(".py"):
            raise NotImplementedError(say(f"launch file {launch_file_path}"))
        context.names["folder"] = os.path.dirname(os.path.abspath(launch_file_path))
        module = ModuleType(launch_file_path)  # a name that errors show
        module.__file__ = launch_file_path
        SourceFileLoader(launch_file_path, launch_file_path).exec_module(module)
        return module.generate_launch_description()


class AnyLaunchDescriptionSource(PythonLaunchDescriptionSource):
    """A launch file; XML and YAML are not covered here."""
