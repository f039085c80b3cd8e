"""Parameters from a dataclass: types, ranges, and errors that name the nearest."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from spikeloop.parameters import ParameterError, build_config, parameter


@dataclass(frozen=True)
class Config:
    rate: float = parameter(10.0, "Rate.", unit="Hz", low=0.1, high=100.0)
    mode: str = parameter("fast", "Mode.", choices=("fast", "slow"))
    limits: tuple[float, ...] = parameter((1.0, 2.0), "Limits.", low=0.0)
    count: int = parameter(3, "Count.")


def test_an_integer_is_taken_for_a_float() -> None:
    config = build_config(Config, {"rate": 1, "limits": [1, 2.5]})
    assert config.rate == 1.0 and isinstance(config.rate, float)
    assert config.limits == (1.0, 2.5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rat": 1.0}, "unknown parameter 'rat' .did you mean 'rate'"),
        ({"rate": "1"}, "'rate' must be of type float, not str"),
        ({"rate": 1000.0}, "'rate' must be from 0.1 to 100 Hz, not 1000"),
        ({"rate": float("nan")}, "must be finite"),
        ({"mode": "fats"}, "one of fast, slow, not 'fats' .did you mean 'fast'"),
        ({"limits": [-1.0]}, "'limits' must be at least 0"),
        ({"limits": 3.0}, "must be a list of float"),
        ({"count": 1.5}, "must be of type int"),
        ({"count": True}, "must be of type int"),
    ],
)
def test_errors_name_parameter_value_and_bound(values: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        build_config(Config, values, "node 'x': ")
    assert str(caught.value).startswith("node 'x': ")
