"""The tour of the hall through topics: the same for the same seed, and what a lost place does."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("controller", ["tour_spiking_pid", "tour_pid"])
def test_without_localisation_the_command_is_kept_then_safe_then_it_flies_on(
    fly: Any, controller: str
) -> None:
    mission = fly(
        "blimp_hall", f"controller:={controller}", "--seed", "1", "--duration", "4",
        "--fault", "odom:nan@1+1.5",
    )  # fmt: skip
    mission.end()
    report = mission.report
    assert report["failure"] == "" and any("odom" in line for _, line in mission.lines)
    series = report["series"]
    commands = dict(zip((round(t, 1) for t in series["time"]), series["commands"], strict=True))
    # The command of 0.9 s is kept for half a second.
    assert all(commands[k] == commands[0.9] for k in (1.0, 1.2, 1.4)) and any(commands[0.9])
    assert commands[1.6] == commands[2.4] == [0.0, 0.0, 0.0]
    assert any(commands[2.6]) and series["altitude"][-1] > series["altitude"][0]
    (stop,) = report["safety_stops"]
    assert 1.4 <= stop[0] <= 1.6
