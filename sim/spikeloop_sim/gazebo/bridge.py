"""The YAML of `ros_gz_bridge`, and a check of such files.

The keys and directions are those of ros_gz_bridge's own reader on Jazzy; of its pairs of types,
those are known here that the worlds and robots of the project use.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from spikeloop.parameters import suggestion
from spikeloop_sim.diff_drive_config import DiffDriveConfig

KEYS = (
    "topic_name",
    "ros_topic_name",
    "gz_topic_name",
    "ros_type_name",
    "gz_type_name",
    "subscriber_queue",
    "publisher_queue",
    "lazy",
    "direction",
)
DIRECTIONS = ("BIDIRECTIONAL", "GZ_TO_ROS", "ROS_TO_GZ")
PAIRS = {
    "rosgraph_msgs/msg/Clock": ("gz.msgs.Clock",),
    "sensor_msgs/msg/JointState": ("gz.msgs.Model",),
    "nav_msgs/msg/Odometry": ("gz.msgs.Odometry", "gz.msgs.OdometryWithCovariance"),
    "tf2_msgs/msg/TFMessage": ("gz.msgs.Pose_V",),
    "sensor_msgs/msg/Imu": ("gz.msgs.IMU",),
    "sensor_msgs/msg/LaserScan": ("gz.msgs.LaserScan",),
    "sensor_msgs/msg/PointCloud2": ("gz.msgs.PointCloudPacked",),
    "sensor_msgs/msg/Image": ("gz.msgs.Image",),
    "sensor_msgs/msg/CameraInfo": ("gz.msgs.CameraInfo",),
    "geometry_msgs/msg/Twist": ("gz.msgs.Twist",),
    "geometry_msgs/msg/TwistStamped": ("gz.msgs.Twist",),
}
CLOCK, TWIST = "/clock", "cmd_vel"


class BridgeFileError(ValueError):
    """A configuration that ros_gz_bridge would refuse; the message names file, entry and field."""


@dataclass(frozen=True)
class Bridged:
    """A topic that is passed on.

    Attributes:
        ros: its name in ROS.
        gz: its name in Gazebo.
        ros_type: such as "sensor_msgs/msg/Imu".
        gz_type: such as "gz.msgs.IMU".
        direction: one of `DIRECTIONS`.

    """

    ros: str
    gz: str
    ros_type: str
    gz_type: str
    direction: str


def bridged_topics(config: DiffDriveConfig) -> tuple[Bridged, ...]:
    """What the robot's topics in Gazebo are in ROS: those of the simulator's own bridge."""
    found = [
        Bridged(CLOCK, CLOCK, "rosgraph_msgs/msg/Clock", "gz.msgs.Clock", "GZ_TO_ROS"),
        Bridged(TWIST, TWIST, "geometry_msgs/msg/TwistStamped", "gz.msgs.Twist", "ROS_TO_GZ"),
        Bridged("odom", "odom", "nav_msgs/msg/Odometry", "gz.msgs.Odometry", "GZ_TO_ROS"),
        Bridged("/tf", "tf", "tf2_msgs/msg/TFMessage", "gz.msgs.Pose_V", "GZ_TO_ROS"),
        Bridged(
            "joint_states", "joint_states", "sensor_msgs/msg/JointState", "gz.msgs.Model",
            "GZ_TO_ROS",
        ),
        Bridged("imu/data", "imu/data", "sensor_msgs/msg/Imu", "gz.msgs.IMU", "GZ_TO_ROS"),
    ]  # fmt: skip
    if config.lidar != "none":
        # Gazebo publishes a LiDAR's points below its own topic.
        cloud = ("sensor_msgs/msg/PointCloud2", "gz.msgs.PointCloudPacked", "GZ_TO_ROS")
        found.append(Bridged("lidar/points", "lidar/points", *cloud))
    cameras = []
    if config.camera:
        cameras.append(("camera/image_raw", "camera/camera_info"))
    if config.event_camera:
        cameras.append(("event_camera/source", "event_camera/camera_info"))
    for image, info in cameras:
        picture = ("sensor_msgs/msg/Image", "gz.msgs.Image", "GZ_TO_ROS")
        lens = ("sensor_msgs/msg/CameraInfo", "gz.msgs.CameraInfo", "GZ_TO_ROS")
        found += [Bridged(image, image, *picture), Bridged(info, info, *lens)]
    return tuple(found)


def bridge_yaml(config: DiffDriveConfig) -> str:
    """The configuration of `ros_gz_bridge` for the robot."""
    entries = [
        {
            "ros_topic_name": each.ros,
            "gz_topic_name": each.gz,
            "ros_type_name": each.ros_type,
            "gz_type_name": each.gz_type,
            "direction": each.direction,
        }
        for each in bridged_topics(config)
    ]
    head = "# Written by `spikeloop sim gazebo`; read by ros_gz_bridge's parameter_bridge.\n"
    return head + str(yaml.safe_dump(entries, sort_keys=False))


def check_bridge(text: str, name: str | Path) -> list[dict[str, Any]]:
    """The entries of a configuration.

    Raises:
        BridgeFileError: it isn't a list of mappings, an entry has an unknown or lacks a key, or
            types or direction that ros_gz_bridge doesn't have.

    """
    try:
        entries = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BridgeFileError(f"{name}: not YAML: {error}") from error
    if not isinstance(entries, list):
        raise BridgeFileError(f"{name}: must be a list of topics")
    for index, entry in enumerate(entries):
        where = f"{name}: entry {index + 1}"
        if not isinstance(entry, dict):
            raise BridgeFileError(f"{where}: must be a mapping, not {entry!r}")
        for key in entry:
            if key not in KEYS:
                near = suggestion(str(key), KEYS)
                raise BridgeFileError(f"{where}: unknown key '{key}'{near}")
        named = [k for k in ("topic_name", "ros_topic_name", "gz_topic_name") if k in entry]
        if not named or ("topic_name" in named and len(named) > 1):
            raise BridgeFileError(
                f"{where}: needs topic_name alone, or ros_topic_name, gz_topic_name, or both"
            )
        _check_types(entry, where)
    return list(entries)


def _check_types(entry: dict[str, Any], where: str) -> None:
    for key in ("ros_type_name", "gz_type_name"):
        if not isinstance(entry.get(key), str):
            raise BridgeFileError(f"{where}: lacks {key}")
    ros, gz = entry["ros_type_name"], entry["gz_type_name"]
    if ros not in PAIRS:
        raise BridgeFileError(f"{where}: unknown ros_type_name '{ros}'{suggestion(ros, PAIRS)}")
    if gz not in PAIRS[ros]:
        raise BridgeFileError(f"{where}: {ros} goes with {' or '.join(PAIRS[ros])}, not '{gz}'")
    direction = entry.get("direction", "BIDIRECTIONAL")
    if direction not in DIRECTIONS:
        near = suggestion(str(direction), DIRECTIONS)
        raise BridgeFileError(f"{where}: unknown direction '{direction}'{near}")
