"""Texts that are known only while launching, and classes whose arguments are such texts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeVar, Union

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

Base = TypeVar("Base")
Text: TypeAlias = str  # in a deferred function: an argument that may be given by substitutions


def say(feature: str) -> str:
    """Word the message for a feature that is not here."""
    return f"'{feature}' is misspelt, or not covered here: a full ROS 2 installation has all of it"


def module_getattr(module: str) -> Callable[[str], NoReturn]:
    """Return a `__getattr__` for a module that names what the module lacks."""

    def missing(name: str) -> NoReturn:
        if name.startswith("_"):  # asked for by tools
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        raise ImportError(say(f"{module}.{name}"))  # `import` would hide an AttributeError's text

    return missing


class Substitution:
    """A text that is known only while launching."""

    def perform(self, context: LaunchContext) -> str:
        """Give the text."""
        raise NotImplementedError


SomeSubstitutionsType: TypeAlias = Union[str, Substitution, Iterable[Union[str, Substitution]]]


def perform_substitutions(context: LaunchContext, subs: SomeSubstitutionsType) -> str:
    """Join texts and substitutions to one text; TypeError if there is anything else."""
    parts = [subs] if isinstance(subs, (str, Substitution)) else list(subs)
    for part in parts:
        if not isinstance(part, (str, Substitution)):
            raise TypeError(f"expected a text or a substitution, got {part!r}")
    return "".join(part if isinstance(part, str) else part.perform(context) for part in parts)


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
                values[name] = perform_substitutions(context, values[name])
            return function(context, **values)

        body = {"__init__": init, method: call, "__doc__": function.__doc__}
        return type(function.__name__, (base,), body)

    return decorate
