"""The differential-drive robot: it drives as told, feels what it touches, and is the same again."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
import pytest
from numpy.typing import NDArray
from spikeloop_sim.diff_drive import DiffDrive, DiffDriveConfig
from spikeloop_sim.diff_drive_body import JOINTS, RADIUS, TRACK
from spikeloop_sim.odometry import WheelOdometry
from spikeloop_sim.robot import (
    CloudReading,
    EmbodiedRobot,
    EventsReading,
    ImageReading,
    ImuReading,
    JointReading,
    OdometryReading,
)
from spikeloop_sim.robots import make_robot

BLIND = DiffDriveConfig(event_camera=False, camera=False, lidar_rows=4, lidar_columns=90)


def _command(speed: float, turn: float) -> NDArray[np.float64]:
    command = np.zeros(6)
    command[0], command[5] = speed, turn
    return command


def _drive(robot: DiffDrive, speed: float, turn: float, ticks: int) -> None:
    for _ in range(ticks):
        robot.step(_command(speed, turn))


@pytest.fixture(scope="module")
def made() -> DiffDrive:
    robot = DiffDrive(BLIND)
    robot.reset(0)
    return robot


@pytest.fixture
def robot(made: DiffDrive) -> DiffDrive:
    made.reset(0)
    return made


def test_straight_on_with_the_acceleration_that_the_base_allows(robot: DiffDrive) -> None:
    start = robot.truth()
    _drive(robot, 0.5, 0.0, 150)
    truth = robot.truth()
    # Half a second of speeding up at 1 m/s^2, a second at 0.5 m/s.
    assert truth["x"] - start["x"] == pytest.approx(0.125 + 0.5, abs=0.03)
    assert truth["speed"] == pytest.approx(0.5, abs=0.01)
    assert abs(truth["yaw"]) < 0.02 and truth["collisions"] == 0.0
    odometry = robot.read("odom")
    assert isinstance(odometry, OdometryReading)
    assert odometry.position[0] == pytest.approx(truth["x"], abs=0.02)


def test_turns_on_the_spot_and_the_wheels_turn_as_they_must(robot: DiffDrive) -> None:
    _drive(robot, 0.0, 1.0, 200)
    truth, joints = robot.truth(), robot.read("joint_states")
    assert truth["turn_rate"] == pytest.approx(1.0, abs=0.02)
    assert truth["yaw"] == pytest.approx(2.0 - 0.125, abs=0.05)
    assert isinstance(joints, JointReading) and joints.names == JOINTS
    assert joints.velocities[1] == pytest.approx(0.5 * TRACK / RADIUS, rel=0.02)
    assert joints.velocities[0] == pytest.approx(-joints.velocities[1], rel=0.02)


def test_too_fast_a_command_is_limited_and_a_wrong_one_refused(robot: DiffDrive) -> None:
    _drive(robot, 9.0, 0.0, 130)
    assert robot.truth()["speed"] < 1.02
    with pytest.raises(ValueError, match=r"'angular\.z' is nan"):
        robot.step(_command(0.0, math.nan))
    with pytest.raises(ValueError, match="one value for each"):
        robot.step(np.zeros(2))


def test_a_wall_is_felt_and_counted(robot: DiffDrive) -> None:
    _drive(robot, 0.0, 1.5, 110)
    _drive(robot, 0.0, 0.0, 40)
    touched = []
    for _ in range(40):
        _drive(robot, 0.5, 0.0, 10)
        touched.append(robot.read("contact").touched)  # type: ignore[union-attr]
    assert not touched[0] and any(touched)
    truth = robot.truth()
    assert truth["collisions"] >= 1.0 and truth["clearance"] < 0.1


def test_without_grip_the_wheels_slip_and_odometry_is_wrong() -> None:
    robot = DiffDrive(
        DiffDriveConfig(
            event_camera=False, camera=False, lidar="none", grip_low=0.02, grip_high=0.03
        )
    )
    robot.reset(0)
    _drive(robot, 1.0, 0.0, 100)
    assert robot.truth()["slip"] > 0.1
    assert robot.truth()["odometry_error"] > 0.1


def test_at_rest_the_imu_feels_gravity(robot: DiffDrive) -> None:
    samples = []
    for _ in range(100):
        robot.step(robot.safe_command)
        reading = robot.read("imu/data")
        assert isinstance(reading, ImuReading)
        samples.append((*reading.angular_velocity, *reading.linear_acceleration))
    mean = np.mean(samples, axis=0)
    np.testing.assert_allclose(mean[:3], 0.0, atol=0.015)
    np.testing.assert_allclose(mean[3:], [0.0, 0.0, 9.81], atol=0.25)


def test_the_scan_sees_the_walls_beside(robot: DiffDrive) -> None:
    scan = robot.read("lidar/points")
    assert isinstance(scan, CloudReading)
    # The corridor is 2.4 m wide, and the robot stands in its middle.
    left = scan.points["y"][1, 22], scan.points["y"][1, 67]
    assert left[0] == pytest.approx(1.2, abs=0.05) and left[1] == pytest.approx(-1.2, abs=0.05)


def _flown(config: DiffDriveConfig, seed: int, topics: tuple[str, ...]) -> list[Any]:
    robot = DiffDrive(config)
    robot.reset(seed)
    out: list[Any] = []
    for k in range(60):
        robot.step(_command(0.5, 0.8 * math.sin(k / 9.0)))
        for topic in topics:
            reading = robot.read(topic)
            out.append(reading.points.tobytes() if isinstance(reading, CloudReading) else reading)
    out.append(robot.truth())
    robot.close()
    return out


def test_same_seed_same_bits_also_without_the_cameras(robot: DiffDrive) -> None:
    topics = ("imu/data", "odom", "lidar/points", "joint_states")
    seeing = DiffDriveConfig(
        event_width=48, event_height=36, camera_width=48, camera_height=36, lidar_rows=4,
        lidar_columns=90,
    )  # fmt: skip
    first = _flown(BLIND, 1, topics)
    assert first == _flown(BLIND, 1, topics) == _flown(seeing, 1, topics)
    assert first != _flown(BLIND, 2, topics)


def test_the_cameras_give_pictures_and_events() -> None:
    robot = DiffDrive(
        DiffDriveConfig(event_width=64, event_height=48, camera_width=64, camera_height=48)
    )
    robot.reset(0)
    count, last = 0, -1
    for _ in range(40):
        robot.step(_command(0.5, 1.0))
        if robot.time_s * 100 % 2 < 0.5:
            reading = robot.read("event_camera/events")
            assert isinstance(reading, EventsReading)
            if len(reading.events):
                assert reading.events.t[0] >= last
                last = int(reading.events.t[-1])
            count += len(reading.events)
    assert count > 500 and last < 400_000
    image = robot.read("camera/image_raw")
    assert isinstance(image, ImageReading)
    assert image.pixels.shape == (48, 64) and image.pixels.std() > 10.0
    robot.close()


def test_what_is_left_out_isnt_there_and_changes_nothing_else() -> None:
    robot = DiffDrive(DiffDriveConfig(lidar_rows=4, lidar_columns=90))
    robot.leave_out(("event_camera/events", "camera/image_raw"))
    robot.reset(1)
    _drive(robot, 0.5, 0.0, 3)
    with pytest.raises(KeyError, match="no sensor 'camera/image_raw'"):
        robot.read("camera/image_raw")
    blind = DiffDrive(BLIND)
    blind.reset(1)
    _drive(blind, 0.5, 0.0, 3)
    assert blind.read("imu/data") == robot.read("imu/data")


def test_it_is_made_of_links_in_a_world(robot: DiffDrive) -> None:
    assert isinstance(robot, EmbodiedRobot)
    plan = robot.surroundings
    assert plan is not None and plan.world == "corridor" and plan.seed == 1_000_000
    assert plan.goal is not None and len(plan.outlines) > 8
    frames = {frame.name for frame in robot.frames}
    for spec in robot.sensors:
        assert spec.frame_id in frames | {"base_link", "odom"}
    model = mujoco.MjModel.from_xml_string(robot.description)
    assert {model.joint(i).name for i in range(model.njnt)} == set(JOINTS)


def test_odometry_by_hand() -> None:
    # A quarter of a circle to the left of radius 1 m about (0, 1).
    odometry = WheelOdometry((0.1, 0.1), 0.4, 1_000_000, (0.0, 0.0, 0.0))
    quarter = 0.5 * math.pi
    for k in range(1, 101):
        part = quarter * k / 100.0
        odometry.update(part * 0.8 / 0.1, part * 1.2 / 0.1, 0.01)
    assert odometry.pose == pytest.approx((1.0, 1.0, quarter), abs=1e-4)
    assert odometry.velocity == pytest.approx((quarter, quarter), rel=1e-3)


@pytest.mark.parametrize(
    ("world", "parameters", "message"),
    [
        ("coridor", {}, "did you mean 'corridor'"),
        ("corridor", {"lenght_m": 3.0}, "did you mean 'length_m'"),
    ],
)
def test_wrong_worlds_are_answered_with_the_nearest(
    world: str, parameters: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_robot("diff_drive", {}, world, parameters)
