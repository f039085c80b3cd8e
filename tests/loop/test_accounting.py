"""Stage latencies and lost messages, from numbers worked out by hand."""

from __future__ import annotations

import pytest

from spikeloop.loop.accounting import StageTimes, messages_lost
from spikeloop.metrics.distribution import distribution


def test_a_distribution_is_told_by_median_p99_and_max() -> None:
    assert distribution([float(i) for i in range(1, 101)]) == {
        "median": 50.5,
        "p99": 100.0,
        "max": 100.0,
    }
    with pytest.raises(ValueError, match="at least one"):
        distribution([])


def test_stages_come_in_order_with_own_time_and_time_since_the_measurement() -> None:
    times = StageTimes()
    for stamp in (10, 20):
        times.sent(stamp, at_ns=stamp * 1_000_000)
    times.add("/gate", "actuators", [10, 20], [12_000_000, 23_000_000], [13_000_000, 25_000_000])
    times.add("/pid", "actuators_raw", [10], [11_000_000], [11_500_000])
    pid, gate = times.summary()
    assert (pid["node"], pid["own_ms"]["max"], pid["since_measurement_ms"]["max"]) == (
        "/pid",
        0.5,
        1.5,
    )
    assert gate["own_ms"] == {"median": 1.5, "p99": 2.0, "max": 2.0}
    assert gate["since_measurement_ms"] == {"median": 4.0, "p99": 5.0, "max": 5.0}


def test_an_output_of_an_unknown_measurement_has_its_own_time_only() -> None:
    times = StageTimes()
    times.add("/pid", "actuators_raw", [7], [0], [2_000_000])
    assert times.summary()[0]["since_measurement_ms"] is None


def test_lost_is_what_was_sent_and_not_received() -> None:
    values = {
        "/bridge": {"sent altitude": "100", "state": "active"},
        "/pid": {"received altitude": "97", "sent actuators_raw": "9"},
        "/gate": {"received actuators_raw": "9"},
    }
    assert [(e["topic"], e["reader"], e["sent"], e["lost"]) for e in messages_lost(values)] == [
        ("altitude", "/pid", 100, 3),
        ("actuators_raw", "/gate", 9, 0),
    ]


def test_a_topic_of_two_writers_is_not_judged() -> None:
    values = {"/a": {"sent x": "1"}, "/b": {"sent x": "1"}, "/c": {"received x": "1"}}
    assert messages_lost(values) == []
