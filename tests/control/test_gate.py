"""Known answers of the gate, and that nothing unsound ever passes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeloop.control.gate.config import GateConfig
from spikeloop.control.gate.gate import Gate

S = 1_000_000_000
CONFIG = GateConfig(size=2, low=(-1.0, -0.5), high=(1.0, 0.5), safe=(0.0,), timeout=0.3)


def _gate() -> Gate:
    return Gate(CONFIG, ("teleop", "auto"))


def test_a_valid_command_passes_unchanged() -> None:
    decision = _gate().accept("auto", [0.4, -0.2], 0, S)
    assert (decision.values, decision.safe, decision.reason) == ((0.4, -0.2), False, "")


def test_limits_hold_for_each_actuator() -> None:
    decision = _gate().accept("auto", [4.0, -0.9], 0, S)
    assert decision.values == (1.0, -0.5)
    assert not decision.safe and "limited" in decision.reason


def test_the_more_important_source_wins_until_it_falls_silent() -> None:
    gate = _gate()
    gate.accept("teleop", [0.1, 0.1], 0, S)
    assert gate.accept("auto", [0.9, 0.4], 0, S + S // 10).values == (0.1, 0.1)
    assert gate.accept("auto", [0.9, 0.4], 0, S + S).values == (0.9, 0.4)


def test_commands_that_are_forgotten_dont_count() -> None:
    gate = _gate()
    gate.accept("teleop", [0.1, 0.1], 0, S)
    gate.forget()
    assert gate.decide(S).safe
    assert gate.accept("auto", [0.9, 0.4], 0, S).values == (0.9, 0.4)


def test_silence_gives_the_safe_command_with_its_cause() -> None:
    gate = _gate()
    gate.accept("auto", [0.9, 0.4], 0, S)
    assert not gate.decide(S + 29 * S // 100).safe
    late = gate.decide(S + S // 2)
    assert late.safe and late.values == (0.0, 0.0)
    assert "auto: silent for 0.50 s" in late.reason


@pytest.mark.parametrize(
    ("values", "age", "cause"),
    [
        ([math.nan, 0.0], 0, "not finite"),
        ([0.0, -math.inf], 0, "not finite"),
        ([], 0, "has no command"),
        ([0.1], 0, "1 values, but the robot takes 2"),
        ([0.1, 0.1], S, "1.00 s old"),
    ],
)
def test_unsound_commands_give_the_safe_one(values: list[float], age: int, cause: str) -> None:
    decision = _gate().accept("auto", values, age, S)
    assert decision.safe and decision.values == (0.0, 0.0)
    assert cause in decision.reason


def test_the_stop_latches_until_released_and_old_commands_dont_come_back() -> None:
    gate = _gate()
    gate.accept("auto", [0.9, 0.4], 0, S)
    gate.stop("button")
    assert gate.accept("auto", [0.9, 0.4], 0, S).reason == "stopped: button"
    gate.release()
    assert gate.decide(S).reason == "no command yet"
    assert not gate.accept("auto", [0.9, 0.4], 0, S).safe


@given(st.lists(st.floats(), max_size=4), st.integers(-S, 10 * S))
def test_nothing_unsound_ever_passes(values: list[float], age: int) -> None:
    decision = _gate().accept("teleop", values, age, S)
    assert len(decision.values) == 2
    assert -1.0 <= decision.values[0] <= 1.0 and -0.5 <= decision.values[1] <= 0.5


def test_impossible_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="low <= safe <= high"):
        GateConfig(safe=(2.0,))
    with pytest.raises(ValueError, match="'low' must have 1 or 3"):
        GateConfig(size=3, low=(0.0, 0.0))
    with pytest.raises(ValueError, match="must be 6"):
        GateConfig(kind="cmd_vel", size=2)
