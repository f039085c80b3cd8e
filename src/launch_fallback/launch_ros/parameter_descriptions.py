"""Values of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from launch.core import LaunchContext, Substitution


class ParameterValue:
    """A value of a type that is given (bool, int, float or str) instead of read as YAML."""

    def __init__(self, value: Any, *, value_type: type | None = None) -> None:
        self.value, self.value_type = value, value_type

def evaluate(context: LaunchContext, parameters: Mapping[Any, Any]) -> dict[str, Any]:
    """Give parameters as plain values by their full names, which join nested ones with dots.

    The text of a substitution is read as YAML, unless its type is given; a str stays a str.
    Raises TypeError if a value is no bool, int, float, str or list of one of them.
    """
    result = {}
    for key, value in parameters.items():
        name = context.perform_substitution(key)
        if isinstance(value, Mapping):
            inner = evaluate(context, value)
            result.update({f"{name}.{rest}": item for rest, item in inner.items()})
        else:
            result[name] = _plain(context, name, value)
    return result

def _plain(context: LaunchContext, name: str, value: Any) -> Any:
    wanted = None
    if isinstance(value, ParameterValue):
        value, wanted = value.value, value.value_type
    parts = value if isinstance(value, (list, tuple)) else [value]
    if any(isinstance(part, Substitution) for part in parts):
        text = context.perform_substitution(value)
        value = text if wanted is str else yaml.safe_load(text or "''")
    elif isinstance(value, (list, tuple)):
        value = [_plain(context, name, item) for item in value]
    types = {type(item) for item in value} if isinstance(value, list) else {type(value)}
    if types == {int, float}:
        value, types = [float(item) for item in value], {float}
    elif wanted is float and types == {int}:
        value, types = float(value), {float}
    if len(types) != 1 or not types <= {bool, int, float, str} or wanted not in (None, *types):
        kind = "bool, int, float, str or a list of one of them" if wanted is None else wanted
        raise TypeError(f"parameter '{name}' is {value!r}, but must be {kind}")
    return value
