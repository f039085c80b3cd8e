"""Known answers of the PID, each part by hand, and no windup."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.pid import Pid


def _pid(**gains: float) -> Pid:
    zero = {"kp": 0.0, "ki": 0.0, "kd": 0.0, "derivative_filter": 0.0}
    return Pid(PidConfig(**(zero | gains)))


def test_proportional_part() -> None:
    assert _pid(kp=0.5).update(2.0, 1.5, 0.1) == pytest.approx(0.25)


def test_integral_part() -> None:
    pid = _pid(ki=0.4)
    assert [pid.update(1.0, 0.5, 0.1) for _ in range(3)] == pytest.approx([0.02, 0.04, 0.06])


def test_derivative_is_of_the_measurement_and_not_of_the_setpoint() -> None:
    pid = _pid(kd=0.1)
    assert pid.update(0.0, 1.0, 0.1) == 0.0
    assert pid.update(9.0, 1.0, 0.1) == 0.0
    assert pid.update(9.0, 1.2, 0.1) == pytest.approx(-0.1 * 0.2 / 0.1)


def test_derivative_filter_by_hand() -> None:
    pid = _pid(kd=1.0, derivative_filter=0.1)
    pid.update(0.0, 0.0, 0.1)
    assert pid.update(0.0, 0.1, 0.1) == pytest.approx(-0.5)
    assert pid.update(0.0, 0.1, 0.1) == pytest.approx(-0.25)


def test_no_windup_after_a_long_saturation() -> None:
    pid = _pid(kp=0.5, ki=0.5)
    for _ in range(1000):
        assert pid.update(10.0, 0.0, 0.1) == 1.0
    # Beyond the set-point it must come out of saturation at once.
    assert pid.update(10.0, 11.0, 0.1) < 1.0


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=30))
def test_always_within_its_limits(samples: list[tuple[float, float]]) -> None:
    pid = _pid(kp=3.0, ki=2.0, kd=1.0)
    assert all(-1.0 <= pid.update(s, m, 0.1) <= 1.0 for s, m in samples)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_bad_argument_is_named_and_changes_nothing(bad: float) -> None:
    pid, other = _pid(ki=1.0), _pid(ki=1.0)
    with pytest.raises(ValueError, match="measurement is"):
        pid.update(1.0, bad, 0.1)
    assert pid.update(1.0, 0.0, 0.1) == other.update(1.0, 0.0, 0.1)
    with pytest.raises(ValueError, match="dt must be above 0"):
        pid.update(1.0, 0.0, 0.0)
