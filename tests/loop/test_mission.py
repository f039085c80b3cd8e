"""What is wrong with a mission file is named, with the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikeloop.loop.mission import MissionError, load_mission

GOOD = """
text: t
robot: blimp
duration: 10
setpoints: [[0, 1], [5, 2]]
slots: {controller: pid, gate: gate}
"""


def _write(folder: Path, text: str) -> str:
    path = folder / "m.yaml"
    path.write_text(text)
    return str(path)


def test_setpoints_hold_from_their_time_on(tmp_path: Path) -> None:
    mission = load_mission(_write(tmp_path, GOOD))
    assert [mission.setpoint_at(t) for t in (0.0, 4.99, 5.0, 9.0)] == [1.0, 1.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "duratoin: 3\n", "unknown field 'duratoin' .did you mean 'duration'"),
        (GOOD.replace("controller:", "controler:"), "did you mean 'controller'"),
        (GOOD.replace("robot: blimp\n", ""), "field 'robot' is missing"),
        (GOOD.replace("duration: 10", "duration: -1"), "duration must be above 0"),
        (GOOD.replace("[[0, 1], [5, 2]]", "[[1, 1]]"), "begin at time 0"),
        (GOOD.replace("[[0, 1], [5, 2]]", "7"), "must be a list"),
        ("a: [", "is no YAML"),
        ("- 1", "must be a mapping"),
    ],
)
def test_errors_name_the_file_and_the_field(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MissionError, match=message) as caught:
        load_mission(_write(tmp_path, text))
    assert "m.yaml" in str(caught.value)


def test_unknown_mission_names_the_nearest() -> None:
    with pytest.raises(MissionError, match="did you mean 'blimp_altitude'"):
        load_mission("blimp_alttitude")
