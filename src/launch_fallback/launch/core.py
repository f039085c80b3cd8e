"""What launch descriptions are made of: texts, conditions, events, handlers, entities."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, TypeAlias

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
    def locals(self) -> Any:
        """What is known in the current scope, for example `event` in a handler."""
        return SimpleNamespace(**self.names)

    def perform_substitution(self, substitution: SomeSubstitutionsType) -> str:
        """Join texts and substitutions to one text; TypeError if there is anything else."""
        parts = normalize_to_list_of_substitutions(substitution)
        return "".join(part.perform(self) for part in parts)

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
        values = {item.name: getattr(self, item.name) for item in self._arguments}
        for name in [p.name for p in self._arguments if str(p.annotation).startswith("Text")]:
            if values[name] is not None:
                values[name] = context.perform_substitution(values[name])
        return self._do(context, **values)

class Substitution(Deferred):
    """A text that is known only while launching."""

    def perform(self, context: LaunchContext) -> str:
        return str(self._call(context))

SomeSubstitutionsType: TypeAlias = str | Substitution | Iterable[str | Substitution]

class TextSubstitution(Substitution):
    def _do(self, context: LaunchContext, *, text: str) -> str:
        return text

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

    def evaluate(self, context: LaunchContext) -> bool:
        return bool(self._call(context))

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

    def visit(self, context: LaunchContext) -> SomeEntitiesType | None:
        """Take effect, and return the entities that are to be visited next."""
        return None

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

    def execute(self, context: LaunchContext) -> Any:
        """Do it, and return the entities that are to be visited next."""
        return self._call(context)

    def visit(self, context: LaunchContext) -> SomeEntitiesType | None:
        if self.condition is None or self.condition.evaluate(context):
            return self.execute(context)
        return None

class LaunchDescription(LaunchDescriptionEntity):
    """A list of entities, visited in order."""

    def __init__(self, initial_entities: Iterable[LaunchDescriptionEntity] | None = None) -> None:
        self.entities = as_list(initial_entities)

    def add_action(self, action: LaunchDescriptionEntity) -> None:
        self.entities.append(action)

    def visit(self, context: LaunchContext) -> SomeEntitiesType | None:
        return self.entities
