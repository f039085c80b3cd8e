"""The differential-drive robot for Gazebo, from its URDF and its sensors' parameters."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import numpy as np

from spikeloop_sim.diff_drive_body import CASTER, FRAMES, JOINTS, RADIUS, TRACK, description
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.gazebo.world import child, pose_text
from spikeloop_sim.imu import ImuConfig
from spikeloop_sim.lidar import range_spread
from spikeloop_sim.lidar_config import LidarConfig
from spikeloop_sim.worlds.scene import Pose

NAME = "diff_drive"
TICK_HZ = 100.0
NOISE_AT_M = 5.0
"""Range whose noise the LiDAR has at all."""
EVENT_SOURCE_HZ = 200.0
"""Rate of the camera from which events are made."""
_CAMERA_TURN: tuple[float, float, float, float] = (0.5, -0.5, 0.5, 0.5)
"""From an optical frame to a frame whose x looks forward, as cameras in Gazebo have it."""


def robot_element(parent: ET.Element, config: DiffDriveConfig, pose: Pose) -> ET.Element:
    """The robot as a `model`, added to a world.

    Args:
        parent: the world.
        config: its speeds, and which sensors it has.
        pose: of base_link.

    """
    model = child(parent, "model", name=NAME)
    child(model, "pose", pose_text(pose))
    urdf = ET.fromstring(description())
    links = {link.get("name", ""): link for link in urdf.findall("link")}
    joints = {joint.find("child").get("link"): joint for joint in urdf.findall("joint")}  # type: ignore[union-attr]
    for name, link in links.items():
        joint = joints.get(name)
        if joint is not None and joint.get("type") == "fixed":
            continue
        _link(model, name, link, joint)
    base = next(link for link in model.findall("link") if link.get("name") == "base_link")
    for along in (-0.17, 0.17):
        ball = child(base, "collision", name=f"caster {along:+g}")
        child(ball, "pose", (along, 0.0, CASTER, 0.0, 0.0, 0.0))
        child(child(child(ball, "geometry"), "sphere"), "radius", CASTER)
        ode = child(child(child(ball, "surface"), "friction"), "ode")
        child(ode, "mu", 0.0)
        child(ode, "mu2", 0.0)
    _sensors(base, config)
    for joint in urdf.findall("joint"):
        if joint.get("type") != "fixed":
            _joint(model, joint)
    _plugins(model, config)
    return model


def _link(model: ET.Element, name: str, link: ET.Element, joint: ET.Element | None) -> None:
    out = child(model, "link", name=name)
    if joint is not None:
        child(out, "pose", _origin(joint))
    inertial = link.find("inertial")
    assert inertial is not None
    mass, inertia = inertial.find("mass"), inertial.find("inertia")
    assert mass is not None and inertia is not None
    made = child(out, "inertial")
    child(made, "pose", _origin(inertial))
    child(made, "mass", float(mass.get("value", "0")))
    matrix = child(made, "inertia")
    for axis in ("ixx", "ixy", "ixz", "iyy", "iyz", "izz"):
        child(matrix, axis, float(inertia.get(axis, "0")))
    for tag in ("visual", "collision"):
        for index, part in enumerate(link.findall(tag)):
            shape = child(out, tag, name=f"{name} {tag} {index}")
            child(shape, "pose", _origin(part))
            _geometry(child(shape, "geometry"), part)
            if tag == "visual":
                look = child(shape, "material")
                child(look, "ambient", (0.2, 0.25, 0.3, 1.0))
                child(look, "diffuse", (0.2, 0.25, 0.3, 1.0))


def _geometry(geometry: ET.Element, part: ET.Element) -> None:
    box, cylinder = part.find("geometry/box"), part.find("geometry/cylinder")
    if box is not None:
        child(child(geometry, "box"), "size", _numbers(box.get("size", "")))
    elif cylinder is not None:
        made = child(geometry, "cylinder")
        child(made, "radius", float(cylinder.get("radius", "0")))
        child(made, "length", float(cylinder.get("length", "0")))
    else:
        raise ValueError("the robot's URDF has a shape that is neither a box nor a cylinder")


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(value) for value in text.split())


def _origin(element: ET.Element) -> tuple[float, ...]:
    origin = element.find("origin")
    if origin is None:
        return (0.0,) * 6
    return _numbers(origin.get("xyz", "0 0 0")) + _numbers(origin.get("rpy", "0 0 0"))


def _joint(model: ET.Element, joint: ET.Element) -> None:
    made = child(model, "joint", name=joint.get("name", ""), type="revolute")
    for tag in ("parent", "child"):
        end = joint.find(tag)
        assert end is not None
        child(made, tag, end.get("link", ""))
    axis = joint.find("axis")
    assert axis is not None
    turning = child(made, "axis")
    child(turning, "xyz", _numbers(axis.get("xyz", "")))
    limit = child(turning, "limit")
    child(limit, "lower", "-1e16")
    child(limit, "upper", "1e16")


def _pose_of(frame: str, optical: bool) -> tuple[float, ...]:
    """Of a frame of the body in base_link; of a camera, as Gazebo looks through it."""
    found = next(each for each in FRAMES if each.name == frame)
    turn = (0.0, 0.0, 0.0, 1.0) if optical else found.orientation
    return pose_text(Pose(found.position, turn))


def _sensor(base: ET.Element, name: str, kind: str, topic: str, rate: float) -> ET.Element:
    sensor = child(base, "sensor", name=name, type=kind)
    child(sensor, "topic", topic)
    child(sensor, "update_rate", rate)
    child(sensor, "always_on", True)
    return sensor


def _sensors(base: ET.Element, config: DiffDriveConfig) -> None:
    imu = _sensor(base, "imu", "imu", "imu/data", TICK_HZ)
    child(imu, "pose", _pose_of("imu_link", False))
    child(imu, "gz_frame_id", "imu_link")
    _noise(imu)
    if config.lidar != "none":
        _lidar(base, config)
    field = math.radians(config.field_deg)
    if config.camera:
        size, rate = (config.camera_width, config.camera_height), TICK_HZ / 20
        topics = ("camera/image_raw", "camera/camera_info")
        _camera(base, "camera", topics, size, rate, field)
    if config.event_camera:
        size = (config.event_width, config.event_height)
        topics = ("event_camera/source", "event_camera/camera_info")
        _camera(base, "event_camera", topics, size, EVENT_SOURCE_HZ, field)


def _noise(imu: ET.Element) -> None:
    """White noise as the simulated IMU's, a sample's standard deviation at this rate."""
    config = ImuConfig()
    block = child(imu, "imu")
    for tag, density in (
        ("angular_velocity", config.gyro_white),
        ("linear_acceleration", config.accel_white),
    ):
        part = child(block, tag)
        for axis in "xyz":
            noise = child(child(part, axis), "noise", type="gaussian")
            child(noise, "mean", 0.0)
            child(noise, "stddev", density * math.sqrt(TICK_HZ))


def _lidar(base: ET.Element, config: DiffDriveConfig) -> None:
    beam = LidarConfig()
    lidar = _sensor(base, "lidar", "gpu_lidar", "lidar", TICK_HZ / 10)
    child(lidar, "pose", _pose_of("lidar_link", False))
    child(lidar, "gz_frame_id", "lidar_link")
    block = child(lidar, "lidar")
    scan = child(block, "scan")
    around = 2.0 * math.pi / config.lidar_columns
    low, high = np.radians(config.lidar_down_deg), np.radians(config.lidar_up_deg)
    rows = (
        ("horizontal", config.lidar_columns, -math.pi, math.pi - around),
        ("vertical", config.lidar_rows, float(low), float(high)),
    )
    for tag, samples, least, most in rows:
        line = child(scan, tag)
        child(line, "samples", str(samples))
        child(line, "min_angle", least)
        child(line, "max_angle", most)
    reach = child(block, "range")
    child(reach, "min", beam.least_range)
    child(reach, "max", beam.most_range)
    noise = child(block, "noise")
    child(noise, "type", "gaussian")
    child(noise, "mean", 0.0)
    # Gazebo knows one deviation for all ranges.
    child(noise, "stddev", float(range_spread(beam, np.array(NOISE_AT_M))))


def _camera(
    base: ET.Element,
    name: str,
    topics: tuple[str, str],
    size: tuple[int, int],
    rate: float,
    field: float,
) -> None:
    frame = f"{name}_optical_frame"
    sensor = _sensor(base, name, "camera", topics[0], rate)
    child(sensor, "pose", _pose_of(frame, True))
    child(sensor, "gz_frame_id", frame)
    block = child(sensor, "camera")
    child(block, "camera_info_topic", topics[1])
    child(block, "horizontal_fov", field)
    image = child(block, "image")
    child(image, "width", str(size[0]))
    child(image, "height", str(size[1]))
    child(image, "format", "R8G8B8")
    clip = child(block, "clip")
    child(clip, "near", 0.02)
    child(clip, "far", 400.0)


def _plugins(model: ET.Element, config: DiffDriveConfig) -> None:
    drive = child(
        model, "plugin", filename="gz-sim-diff-drive-system", name="gz::sim::systems::DiffDrive"
    )
    for tag, joint in zip(("left_joint", "right_joint"), JOINTS, strict=True):
        child(drive, tag, joint)
    child(drive, "wheel_separation", TRACK)
    child(drive, "wheel_radius", RADIUS)
    child(drive, "odom_publish_frequency", 50.0)
    child(drive, "topic", "cmd_vel")
    child(drive, "odom_topic", "odom")
    child(drive, "tf_topic", "tf")
    child(drive, "frame_id", "odom")
    child(drive, "child_frame_id", "base_link")
    child(drive, "max_linear_velocity", config.speed)
    child(drive, "min_linear_velocity", -config.speed_back)
    child(drive, "max_linear_acceleration", config.acceleration)
    child(drive, "min_linear_acceleration", -config.acceleration)
    child(drive, "max_angular_velocity", config.turn_rate)
    child(drive, "min_angular_velocity", -config.turn_rate)
    child(drive, "max_angular_acceleration", config.turn_acceleration)
    child(drive, "min_angular_acceleration", -config.turn_acceleration)
    joints = child(
        model,
        "plugin",
        filename="gz-sim-joint-state-publisher-system",
        name="gz::sim::systems::JointStatePublisher",
    )
    child(joints, "topic", "joint_states")
