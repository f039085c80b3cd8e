"""Parameters, written once: a frozen dataclass whose fields carry unit, range and a sentence.

From such a dataclass ROS parameter descriptors, the check of YAML files, the files in `config/`
and the tables in the docs are derived, so none of them can drift from the code.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Config = TypeVar("Config")
Value = bool | int | float | str | tuple[Any, ...]

SCALARS: tuple[type, ...] = (bool, int, float, str)


class ParameterError(ValueError):
    """A parameter is unknown, of the wrong type, or out of its range; the message says which."""


def parameter(
    default: Any,
    text: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    fixed: bool = False,
) -> Any:
    """Declare a dataclass field as a parameter.

    Args:
        default: value where nothing else is said; a bool, int, float, str, or a tuple of one of
            them.
        text: one sentence for descriptors, YAML comments and docs.
        unit: SI unit ("m", "rad/s"), empty where there is none.
        low: smallest value allowed (each element of a tuple).
        high: largest value allowed.
        choices: the strings allowed, if only some are.
        fixed: whether it can be set only until the node is configured.

    Returns:
        A dataclass field.

    """
    metadata = {
        "text": text,
        "unit": unit,
        "low": low,
        "high": high,
        "choices": choices,
        "fixed": fixed,
    }
    return dataclasses.field(default=default, metadata={"parameter": metadata})


@dataclass(frozen=True)
class Parameter:
    """What is known of one parameter; see `parameter` for the fields."""

    name: str
    kind: type
    is_array: bool
    default: Any
    text: str
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    fixed: bool

    def check(self, value: Any, owner: str = "") -> Any:
        """Return `value` in the declared type.

        An integer is taken for a float (so `rate: 1` means 1.0); lists become tuples.

        Raises:
            ParameterError: wrong type, not finite, out of range, or not among the choices.

        """
        if self.is_array:
            if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
                raise ParameterError(
                    f"{owner}parameter '{self.name}' must be a list of {self.kind.__name__}, "
                    f"not {value!r}"
                )
            return tuple(self._check_scalar(element, owner) for element in value)
        return self._check_scalar(value, owner)

    def _check_scalar(self, value: Any, owner: str) -> Any:
        if self.kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, self.kind) or (self.kind is int and isinstance(value, bool)):
            raise ParameterError(
                f"{owner}parameter '{self.name}' must be of type {self.kind.__name__}, "
                f"not {type(value).__name__} ({value!r})"
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise ParameterError(f"{owner}parameter '{self.name}' must be finite, not {value}")
        if self.choices and value not in self.choices:
            raise ParameterError(
                f"{owner}parameter '{self.name}' must be one of {', '.join(self.choices)}, "
                f"not '{value}'{suggestion(str(value), self.choices)}"
            )
        if isinstance(value, (int, float)) and not self._in_range(value):
            raise ParameterError(
                f"{owner}parameter '{self.name}' must be {self.range_text()}, not {value}"
            )
        return value

    def _in_range(self, value: float) -> bool:
        above = self.low is None or value >= self.low
        return above and (self.high is None or value <= self.high)

    def range_text(self) -> str:
        """The allowed range in words, with the unit; empty where all values are allowed."""
        unit = f" {self.unit}" if self.unit else ""
        if self.low is not None and self.high is not None:
            return f"from {self.low:g} to {self.high:g}{unit}"
        if self.low is not None:
            return f"at least {self.low:g}{unit}"
        if self.high is not None:
            return f"at most {self.high:g}{unit}"
        return ""


def suggestion(name: str, known: Iterable[str]) -> str:
    """The clause " (did you mean 'X'?)" for the nearest known name, or an empty string."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (did you mean '{near[0]}'?)" if near else ""


def parameters_of(config_type: type[Any]) -> dict[str, Parameter]:
    """All parameters that a config dataclass declares, by name, in the order of declaration.

    Raises:
        TypeError: a field isn't made by `parameter`, or its type is none that ROS has.

    """
    hints = typing.get_type_hints(config_type)
    found = {}
    for field in dataclasses.fields(config_type):
        if "parameter" not in field.metadata:
            raise TypeError(f"{config_type.__name__}.{field.name} is not declared by parameter()")
        kind, is_array = _kind_of(hints[field.name], f"{config_type.__name__}.{field.name}")
        found[field.name] = Parameter(
            name=field.name,
            kind=kind,
            is_array=is_array,
            default=field.default,
            **field.metadata["parameter"],
        )
    return found


def _kind_of(hint: Any, where: str) -> tuple[type, bool]:
    if hint in SCALARS:
        return hint, False
    if typing.get_origin(hint) in (tuple, types.GenericAlias):
        element = typing.get_args(hint)[0]
        if element in SCALARS:
            return element, True
    raise TypeError(f"{where}: {hint} is none of bool, int, float, str or tuple[X, ...] of them")


def build_config(config_type: type[Config], values: Mapping[str, Any], owner: str = "") -> Config:
    """Build a config from untrusted values; what isn't given takes its default.

    Args:
        config_type: frozen dataclass of parameters.
        values: name to value, as read from YAML or ROS.
        owner: start of each message, such as "node 'gate': ".

    Raises:
        ParameterError: an unknown name (the nearest is named), a bad value, or a combination that
            the dataclass itself refuses with ValueError.

    """
    known = parameters_of(config_type)
    for name in values:
        if name not in known:
            raise ParameterError(
                f"{owner}unknown parameter '{name}'{suggestion(name, known)}; "
                f"there are: {', '.join(known) or 'none'}"
            )
    checked = {name: known[name].check(value, owner) for name, value in values.items()}
    try:
        return config_type(**checked)
    except ParameterError:
        raise
    except ValueError as error:
        raise ParameterError(f"{owner}{error}") from error
