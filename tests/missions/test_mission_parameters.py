"""What a mission wants of simulator and monitor is checked before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikeloop.launching.description import MissionOptions, mission_description
from spikeloop.parameters import ParameterError

BLIMP = """
text: t
robot: blimp
duration: 10
setpoints: [[0, 1], [5, 2]]
slots: {controller: pid, gate: gate}
"""


def _with(folder: Path, parameters: str) -> str:
    path = folder / "slower.yaml"
    path.write_text(f"{BLIMP}{parameters}\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("parameters: {simulator: {pase: 0.5}}", "slot 'simulator': .*'pase'.*'pace'"),
        ("parameters: {simulator: {pace: 0.0}}", "slot 'simulator': .*'pace' must be from 0.01"),
        ("parameters: {monitor: {silent_after: 0.1}}", "slot 'monitor': .*from 0.5 to 60"),
    ],
)
def test_bad_parameters_of_simulator_and_monitor_are_named(
    tmp_path: Path, parameters: str, message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        mission_description(_with(tmp_path, parameters), {}, MissionOptions())


def test_good_ones_start_and_the_users_pace_goes_before(tmp_path: Path) -> None:
    name = _with(tmp_path, "parameters: {simulator: {pace: 0.5}, monitor: {silent_after: 20.0}}")
    assert mission_description(name, {}, MissionOptions(realtime=True)).entities
    with pytest.raises(ParameterError, match=r"'pace' must be from 0\.01 to 10, not 50"):
        mission_description(name, {}, MissionOptions(realtime=True, pace=50.0))
