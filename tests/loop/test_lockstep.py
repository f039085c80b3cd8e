"""The join of stamps gives the same answers in whatever order inputs arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeloop.loop.lockstep import DueOutputs, Lockstep, StampJoin, Timing

START, TICK = 1_000_000_000, 10_000_000
INPUTS = {"altitude": Timing(5), "setpoint": Timing(10), "place": Timing(20, latency=3)}


def _lockstep() -> Lockstep:
    return Lockstep(START, TICK, Timing(10), INPUTS, {"actuators_raw": 1})


def test_due_tick_by_hand() -> None:
    assert [Timing(10, 0).due_tick(k) for k in (0, 9, 10, 25)] == [0, 0, 10, 20]
    assert [Timing(20, 3).due_tick(k) for k in (0, 3, 22, 23)] == [-20, 0, 0, 20]


def test_schedule_survives_its_text() -> None:
    assert Lockstep.from_json(_lockstep().to_json()) == _lockstep()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"start_ns": "x"}', "null"])
def test_a_broken_text_is_an_error_that_names_the_parameter(text: str) -> None:
    with pytest.raises(ValueError, match="parameter 'lockstep'"):
        Lockstep.from_json(text)


def _messages(ticks: int) -> list[tuple[str, int]]:
    return [(name, k) for k in range(ticks) for name, t in INPUTS.items() if k % t.period == 0]


def _answers(order: list[tuple[str, int]]) -> list[tuple[int, dict[str, int]]]:
    lockstep = _lockstep()
    join: StampJoin[int] = StampJoin(lockstep)
    found = []
    for name, tick in order:
        join.add(name, lockstep.stamp(tick), tick)
        while (ready := join.ready()) is not None:
            found.append(ready)
            join.answered(ready[0])
    return found


@given(st.data())
def test_any_order_across_streams_gives_the_same_answers(data: st.DataObject) -> None:
    # Within a stream order is kept, as DDS keeps it; between streams anything can happen.
    streams = {name: [m for m in _messages(41) if m[0] == name] for name in INPUTS}
    order = []
    while any(streams.values()):
        name = data.draw(st.sampled_from([n for n, left in streams.items() if left]))
        order.append(streams[name].pop(0))
    answers = _answers(order)
    assert [tick for tick, _ in answers] == [0, 10, 20, 30, 40]
    assert answers[0][1] == {"altitude": 0, "setpoint": 0}
    assert answers[2][1] == {"altitude": 20, "setpoint": 20, "place": 0}
    assert answers[3][1] == {"altitude": 30, "setpoint": 30, "place": 20}


def test_repeat_and_old_stamps() -> None:
    lockstep = _lockstep()
    join: StampJoin[int] = StampJoin(lockstep)
    for name in ("altitude", "setpoint"):
        join.add(name, lockstep.stamp(0), 0)
    tick, _ = join.ready() or (None, None)
    assert tick == 0
    join.answered(0)
    assert join.is_repeat("altitude", lockstep.stamp(0))
    assert not join.is_repeat("altitude", lockstep.stamp(5))
    join.add("altitude", lockstep.stamp(0), 0)
    assert join.ready() is None


def test_stamps_between_ticks_are_ignored() -> None:
    lockstep = _lockstep()
    join: StampJoin[int] = StampJoin(lockstep)
    join.add("altitude", START + 1, 0)
    join.add("setpoint", START, 0)
    assert join.ready() is None
    join.add("altitude", START, 0)
    assert join.ready() == (0, {"altitude": 0, "setpoint": 0})


def test_due_outputs_name_the_first_missing_one() -> None:
    lockstep = _lockstep()
    due: DueOutputs[str] = DueOutputs(
        lockstep, {"flow": Timing(2), "actuators_raw": Timing(10), "actuators": Timing(10)}
    )
    assert due.missing(0) == ["flow", "actuators_raw", "actuators"]
    assert due.add("flow", lockstep.stamp(0), "f")
    assert not due.add("flow", lockstep.stamp(0), "again")
    assert due.missing(1) == ["actuators_raw", "actuators"]
    assert due.missing(2)[0] == "flow"
    assert "due at stamp 1.000 s, last came none" in due.describe("actuators", 0)
