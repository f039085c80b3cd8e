"""Somebody's URDF becomes a robot that drives; what it lacks is told and replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from spikeloop_sim.model_files.parts import ModelFileError
from spikeloop_sim.robot import EmbodiedRobot, OdometryReading
from spikeloop_sim.robot_file import read_robot
from spikeloop_sim.robots import make_robot

WAFFLE = Path(__file__).parents[1] / "data" / "robot_models" / "turtlebot3_waffle.urdf"
BLIND = {"event_camera": False, "camera": False, "lidar_rows": 2, "lidar_columns": 90}


def test_the_numbers_of_a_turtlebot() -> None:
    body, model = read_robot(WAFFLE)
    assert body.root == "base_footprint"
    assert body.radius == pytest.approx(0.033) and body.track == pytest.approx(0.288)
    total = body.mass + sum(wheel.mass for wheel in body.wheels)
    assert total == pytest.approx(1.553907, abs=0.05)
    assert body.lift == pytest.approx(0.0, abs=1e-9)
    lidar = next(frame for frame in body.frames if frame.name == "lidar_link")
    assert lidar.position == pytest.approx((-0.064, 0.0, 0.132))
    assert sum("mesh" in note for note in model.told) == 5


def test_it_drives_as_told() -> None:
    robot = make_robot("urdf", {"file": str(WAFFLE), **BLIND})
    assert isinstance(robot, EmbodiedRobot)
    robot.reset(0)
    start = robot.truth()
    command = np.zeros(6)
    command[0] = 0.3
    for _ in range(150):
        robot.step(command)
    truth = robot.truth()
    assert truth["x"] - start["x"] == pytest.approx(0.045 + 0.36, abs=0.03)
    assert abs(truth["yaw"]) < 0.05 and abs(truth["z"]) < 0.01
    odometry = robot.read("odom")
    assert isinstance(odometry, OdometryReading) and odometry.child_frame_id == "base_footprint"
    assert odometry.position[0] == pytest.approx(truth["x"], abs=0.02)


BAD = {
    "no robot": ("<model/>", "its root is <model>"),
    "no XML": ("<robot", "not XML"),
    "two roots": ('<robot><link name="a"/><link name="b"/></robot>', "one root link"),
    "no wheels": ('<robot><link name="a"/></robot>', "a wheel at the left"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cant_be_such_a_robot_is_told_with_the_file(tmp_path: Path, kind: str) -> None:
    text, message = BAD[kind]
    path = tmp_path / "r.urdf"
    path.write_text(text)
    with pytest.raises(ModelFileError, match=message) as caught:
        read_robot(path)
    assert "r.urdf" in str(caught.value)


def test_a_robot_without_a_file_is_refused() -> None:
    with pytest.raises(ValueError, match="'file' must name a URDF"):
        make_robot("urdf", {})
