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
    guide = load_mission(_write(tmp_path, GOOD)).guide()
    assert guide is not None
    assert [guide.at(t, {})[2] for t in (0.0, 4.99, 5.0, 9.0)] == [1.0, 1.0, 2.0, 2.0]


def _guided(text: str) -> str:
    return GOOD.replace("setpoints: [[0, 1], [5, 2]]", text)


def test_the_next_place_of_a_route_is_the_setpoint_until_it_is_reached(tmp_path: Path) -> None:
    text = _guided("route: [[1, 0], [2, 0, 0.5], [3, 1]]\nreach: 0.5")
    guide = load_mission(_write(tmp_path, text)).guide()
    assert guide is not None
    xs = [0.0, 0.6, 1.4, 1.6, 3.0, 0.0]
    assert [guide.at(0.0, {"x": x, "y": 0.0})[0] for x in xs] == [1.0, 2.0, 2.0, 3.0, 3.0, 3.0]
    guide.reset()
    assert guide.at(0.0, {"x": 0.0, "y": 0.0}) == (1.0, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="needs 'x' and 'y'"):
        guide.at(0.0, {"altitude": 1.0})


def test_a_goal_of_the_world_is_where_the_world_says(tmp_path: Path) -> None:
    mission = load_mission(_write(tmp_path, _guided("goal: world\nworld: corridor")))
    guide = mission.guide((5.0, 2.0, 0.0))
    assert guide is not None and guide.at(3.0, {}) == (5.0, 2.0, 0.0, 0.0)
    with pytest.raises(MissionError, match="world 'corridor' has no goal"):
        mission.guide()


def test_a_mission_needs_no_setpoint(tmp_path: Path) -> None:
    mission = load_mission(_write(tmp_path, _guided("")))
    assert mission.guide() is None and not mission.has_setpoints


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "duratoin: 3\n", "unknown field 'duratoin' .did you mean 'duration'"),
        (GOOD.replace("controller:", "controler:"), "did you mean 'controller'"),
        (GOOD.replace("robot: blimp\n", ""), "field 'robot' is missing"),
        (GOOD.replace("duration: 10", "duration: -1"), "duration must be above 0"),
        (GOOD.replace("[[0, 1], [5, 2]]", "[[1, 1]]"), "begin at time 0"),
        (GOOD.replace("[[0, 1], [5, 2]]", "7"), "must be a list"),
        (GOOD + "goal: [1, 2]\n", "setpoints and goal exclude each other"),
        (_guided("goal: world"), "needs a 'world'"),
        (_guided("goal: [1]"), "'goal' must be"),
        (_guided("route: []"), "must have a place"),
        (GOOD + "criteria: {kind: altitud}\n", "did you mean 'altitude'"),
        (GOOD + "criteria: {bnad: 1.0}\n", "did you mean 'band'"),
        (GOOD + "world_parameters: {width: 2}\n", "but no 'world'"),
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
