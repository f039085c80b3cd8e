"""Sensor faults do what their name says, in their time only."""

from __future__ import annotations

import math

import pytest
from spikeloop_sim.base import Base
from spikeloop_sim.faults import FaultInjector, parse_fault
from spikeloop_sim.robot import RangeReading


def _run(text: str) -> list[tuple[float, int] | None]:
    """Readings 0, 1, 2... with stamps 0, 10, 20... at 0, 1, 2... s."""
    injector = FaultInjector([parse_fault(text)])
    sent = []
    for i in range(6):
        reading = RangeReading(float(i), 0.1, 12.0, 0.04)
        out = injector.apply("altitude", reading, 10 * i, float(i))
        sent.append(None if out is None else (out[0].distance, out[1]))  # type: ignore[union-attr]
    return sent


def test_silent() -> None:
    assert _run("altitude:silent@2+2") == [(0, 0), (1, 10), None, None, (4, 40), (5, 50)]


def test_frozen_is_old_data_with_new_stamps() -> None:
    assert _run("altitude:frozen@2+2")[1:5] == [(1, 10), (1, 20), (1, 30), (4, 40)]


def test_stale_is_new_data_with_old_stamps() -> None:
    assert _run("altitude:stale@2+2")[1:5] == [(1, 10), (2, 10), (3, 10), (4, 40)]


def test_nan_and_inf() -> None:
    nan, inf = _run("altitude:nan@5")[5], _run("altitude:inf@5")[5]
    assert nan is not None and math.isnan(nan[0])
    assert inf is not None and math.isinf(inf[0])


def test_other_sensors_are_left_alone() -> None:
    assert _run("imu/data:silent@0")[3] == (3, 30)


@pytest.mark.parametrize("text", ["altitude", "altitude:nan", "altitude:nan@x", "altitude:nam@1"])
def test_a_wrong_text_is_answered_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault 'altitude"):
        parse_fault(text)


S = 1_000_000_000


def test_the_base_times_out_once_and_takes_up_again() -> None:
    import numpy as np

    base = Base(np.zeros(2), 0.5)
    assert base.command(10 * S, 0.0).tolist() == [0.0, 0.0]
    assert base.accept([0.5, -0.5], 10 * S)
    assert base.command(10 * S + S // 2, 0.5).tolist() == [0.5, -0.5]
    assert base.command(11 * S, 1.0).tolist() == [0.0, 0.0]
    base.command(12 * S, 2.0)
    assert base.safety_stops == [(1.0, "no valid command for 0.5 s")]
    assert base.accept([0.1, 0.1], 12 * S)
    assert base.command(12 * S, 2.0).tolist() == [0.1, 0.1]


@pytest.mark.parametrize("values", [[math.nan, 0.0], [0.0, math.inf], [0.0], []])
def test_the_base_refuses_what_isnt_sound(values: list[float]) -> None:
    import numpy as np

    base = Base(np.zeros(2), 0.5)
    assert not base.accept(values, S)
    assert base.command(S, 0.0).tolist() == [0.0, 0.0]
    assert sum(base.refused.values()) == 1
