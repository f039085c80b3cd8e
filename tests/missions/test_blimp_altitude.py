"""The mission flies, and its result depends on the seed alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mcap.reader import make_reader


def _outside_timing(report: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if key != "timing"}


def test_same_seed_same_report_and_success(fly: Any) -> None:
    first, second = fly("blimp_altitude", "--seed", "3"), None
    assert first.end() == 0, first.output
    second = fly("blimp_altitude", "--seed", "3")
    assert second.end() == 0
    assert first.report["success"]
    assert len(first.report["series"]["time"]) == 800
    assert _outside_timing(first.report) == _outside_timing(second.report)


def test_other_seed_other_flight(fly: Any) -> None:
    one = fly("blimp_altitude", "--seed", "1", "--duration", "5")
    one.end()
    two = fly("blimp_altitude", "--seed", "2", "--duration", "5")
    two.end()
    assert one.report["series"]["altitude"] != two.report["series"]["altitude"]


def test_gate_killed_in_mid_run_changes_nothing(fly: Any) -> None:
    whole = fly("blimp_altitude", "--seed", "3", "--duration", "200")
    whole.end()
    broken = fly("blimp_altitude", "--seed", "3", "--duration", "200", "--respawn", "gate")
    broken.wait_for_line("begins")
    broken.child("gate").kill()
    broken.end()
    assert "process has died" in broken.output
    assert broken.report["timing"]["resent"] > 0
    assert _outside_timing(whole.report) == _outside_timing(broken.report)


def test_by_the_wall_clock(fly: Any) -> None:
    slower = ("--realtime", "--pace", "0.5", "--duration", "2")
    mission = fly("blimp_altitude", "--seed", "3", *slower)
    mission.end()
    assert mission.report["failure"] == ""
    assert mission.report["safety_stops"] == []
    assert len(mission.report["series"]["time"]) == 20
    timing = mission.report["timing"]
    # Never ahead of the clock; how far behind is the machine's affair.
    assert timing["pace"] == 0.5 and 0.0 < timing["pace_kept"] < 0.52
    assert timing["measurement_to_command_median_ms"] <= timing["measurement_to_command_p99_ms"]
    assert any(command[0] != 0.0 for command in mission.report["series"]["commands"])


def test_recording_opens_with_its_definitions(fly: Any) -> None:
    mission = fly("blimp_altitude", "--duration", "20")
    mission.end()
    seen: Counter[str] = Counter()
    with (mission.folder / "recording.mcap").open("rb") as file:
        for schema, channel, _ in make_reader(file).iter_messages():
            assert schema is not None and schema.encoding == "ros2msg" and schema.data
            seen[channel.topic] += 1
    assert seen["/actuators"] > 100 and seen["/altitude"] > 200
