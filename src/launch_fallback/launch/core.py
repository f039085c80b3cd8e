"""What launch descriptions are made of: texts, conditions, events and their handlers, entities."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any, TypeAlias, TypeVar, Union

Base = TypeVar("Base")
Text: TypeAlias = str  # in a deferred function: an argument that may be given by substitutions


def say(feature: str) -> str:
    """Word the message for a feature that is not here."""
    return f"'{feature}' is misspelt, or not covered here: a full ROS 2 installation has all of it"

def name_what_lacks(package: str) -> None:
    """Let the modules of a package name what they lack, instead of raising AttributeError.

    `from module import name` would replace the message of an AttributeError by its own.
    """
    def of(module: str) -> Callable[[str], Any]:
        def missing(name: str) -> Any:
            kind = AttributeError if name.startswith("_") else ImportError  # _: asked for by tools
            raise kind(say(f"{module}.{name}"))
        return missing

    for name, module in sys.modules.items():
        if name.split(".")[0] == package:
            vars(module).setdefault("__getattr__", of(name))

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
    def locals(self) -> Any:
        """What is known in the current scope, for example `event` in a handler."""
        return SimpleNamespace(**self.names)

    @contextlib.contextmanager
    def scope(self, **names: Any) -> Iterator[None]:
        """Let names be known within."""
        before, self.names = self.names, self.names | names
        try:
            yield
        finally:
            self.names = before

    def perform_substitution(self, substitution: SomeSubstitutionsType) -> str:
        """Join texts and substitutions to one text; TypeError if there is anything else."""
        return "".join(
            part.perform(self) for part in normalize_to_list_of_substitutions(substitution))

    def register_event_handler(self, event_handler: EventHandler, append: bool = False) -> None:
        """Add a handler before the others, or with `append` after them."""
        self.event_handlers.insert(len(self.event_handlers) if append else 0, event_handler)

    def unregister_event_handler(self, event_handler: EventHandler) -> None:
        """Remove a handler; ValueError if it isn't registered."""
        self.event_handlers.remove(event_handler)

    def emit_event_sync(self, event: Any) -> None:
        """Queue an event, from any thread; a future is set when its turn comes."""
        self.queue.append(event)
        if self.asyncio_loop is not None:
            self.asyncio_loop.call_soon_threadsafe(self.news.set)

    async def events_handled(self) -> None:
        """Wait until all that has been emitted so far is handled."""
        turn = asyncio.get_running_loop().create_future()
        self.emit_event_sync(turn)
        await turn

def deferred(base: type[Base], method: str) -> Callable[[Callable[..., Any]], Callable[..., Base]]:
    """Turn a function of a context and more into a class: arguments now, the context later.

    The arguments become attributes; `method` performs those that are annotated as Text and calls
    the function. Arguments that the function doesn't have are left to `base`.
    """
    def decorate(function: Callable[..., Any]) -> Callable[..., Base]:
        _, *parameters = inspect.signature(function).parameters.values()
        own = inspect.Signature(parameters)
        texts = {item.name for item in parameters if str(item.annotation).startswith("Text")}

        def init(self: Base, *args: Any, **kwargs: Any) -> None:
            base.__init__(self, **{name: kwargs.pop(name) for name in {*kwargs} - {*own.parameters}})
            bound = own.bind(*args, **kwargs)
            bound.apply_defaults()
            vars(self).update(bound.arguments)

        def call(self: Base, context: LaunchContext) -> Any:
            values = {name: getattr(self, name) for name in own.parameters}
            for name in texts - {name for name, value in values.items() if value is None}:
                values[name] = context.perform_substitution(values[name])
            return function(context, **values)

        return type(function.__name__, (base,), {"__init__": init, method: call})
    return decorate

class Substitution:
    """A text that is known only while launching."""

    def perform(self, context: LaunchContext) -> str:
        """Give the text."""
        raise NotImplementedError

SomeSubstitutionsType: TypeAlias = Union[str, Substitution, Iterable[Union[str, Substitution]]]

class TextSubstitution(Substitution):
    """A fixed text."""

    def __init__(self, *, text: str) -> None:
        self.text = text

    def perform(self, context: LaunchContext) -> str:
        return self.text

def normalize_to_list_of_substitutions(subs: SomeSubstitutionsType) -> list[Substitution]:
    """Make substitutions of texts and substitutions; TypeError if there is anything else."""
    result = []
    for part in [subs] if isinstance(subs, (str, Substitution)) else subs:
        if not isinstance(part, (str, Substitution)):
            raise TypeError(f"expected a text or a substitution, got {part!r}")
        result.append(TextSubstitution(text=part) if isinstance(part, str) else part)
    return result

class Condition:
    """Whether an action is executed."""

    def evaluate(self, context: LaunchContext) -> bool:
        """Decide."""
        raise NotImplementedError

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
        """Handle the event, and return what is to be visited."""
        if self.handle_once:
            context.unregister_event_handler(self)
        return as_list(self.entities(event, context) if callable(self.entities) else self.entities)

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
        return self.execute(context) if not self.condition or self.condition.evaluate(context) else None

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
