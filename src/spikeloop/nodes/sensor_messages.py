"""Readings of simulated sensors as ROS messages."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, TransformStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import CameraInfo, Image, Imu, JointState, PointCloud2, PointField, Range
from spikeloop_sim.robot import (
    CameraInfoReading,
    CloudReading,
    ContactReading,
    Frame,
    ImageReading,
    ImuReading,
    JointReading,
    OdometryReading,
    RangeReading,
    Reading,
    TruthReading,
    VectorReading,
)
from std_msgs.msg import Bool
from tf2_msgs.msg import TFMessage

from spikeloop.loop.guiding import Pose4
from spikeloop.msg import Observation
from spikeloop.nodes.messages import Message, to_time
from spikeloop.nodes.truth_messages import truth_message

_FIELD_TYPES = {
    "int8": PointField.INT8,
    "uint8": PointField.UINT8,
    "int16": PointField.INT16,
    "uint16": PointField.UINT16,
    "int32": PointField.INT32,
    "uint32": PointField.UINT32,
    "float32": PointField.FLOAT32,
    "float64": PointField.FLOAT64,
}


def sensor_message(reading: Reading, frame_id: str, stamp_ns: int) -> Message:
    """The message of a reading, with stamp and frame where it has a header.

    Raises:
        KeyError: no message stands for this kind of reading; events need their encoder.

    """
    if isinstance(reading, TruthReading):
        return truth_message(reading, frame_id, stamp_ns)
    message = _CONVERTERS[type(reading)](reading)
    if hasattr(message, "header"):
        message.header.stamp = to_time(stamp_ns)
        message.header.frame_id = frame_id
    return message


def setpoint_message(pose: Pose4, stamp_ns: int) -> PoseStamped:
    """A set-point in the frame `map`."""
    message = PoseStamped()
    message.header.stamp = to_time(stamp_ns)
    message.header.frame_id = "map"
    at, turn = message.pose.position, message.pose.orientation
    at.x, at.y, at.z, yaw = pose
    turn.z, turn.w = math.sin(0.5 * yaw), math.cos(0.5 * yaw)
    return message


def transforms_message(frames: Iterable[Frame], stamp_ns: int) -> TFMessage:
    """Fixed frames, for /tf_static."""
    return TFMessage(
        transforms=[
            _transform(frame.parent, frame.name, frame.position, frame.orientation, stamp_ns)
            for frame in frames
        ]
    )


def odometry_transform(reading: OdometryReading, frame_id: str, stamp_ns: int) -> TFMessage:
    """Where odometry says that the robot is, for /tf."""
    pose = (reading.position, reading.orientation)
    return TFMessage(transforms=[_transform(frame_id, reading.child_frame_id, *pose, stamp_ns)])


def _transform(
    parent: str,
    child: str,
    position: tuple[float, ...],
    orientation: tuple[float, ...],
    stamp_ns: int,
) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.stamp = to_time(stamp_ns)
    message.header.frame_id = parent
    shift, turn = message.transform.translation, message.transform.rotation
    shift.x, shift.y, shift.z = position
    turn.x, turn.y, turn.z, turn.w = orientation
    return message


def _range(reading: RangeReading) -> Range:
    return Range(
        radiation_type=Range.INFRARED,
        field_of_view=reading.field_of_view,
        min_range=reading.min_range,
        max_range=reading.max_range,
        range=reading.distance,
    )


def _imu(reading: ImuReading) -> Imu:
    message = Imu()
    rates, force = message.angular_velocity, message.linear_acceleration
    rates.x, rates.y, rates.z = reading.angular_velocity
    force.x, force.y, force.z = reading.linear_acceleration
    # By the message's convention: there is no estimate of the orientation.
    message.orientation_covariance[0] = -1.0
    return message


def _odometry(reading: OdometryReading) -> Odometry:
    message = Odometry(child_frame_id=reading.child_frame_id)
    pose, twist = message.pose.pose, message.twist.twist
    pose.position.x, pose.position.y, pose.position.z = reading.position
    turn = pose.orientation
    turn.x, turn.y, turn.z, turn.w = reading.orientation
    twist.linear.x, twist.linear.y, twist.linear.z = reading.linear_velocity
    twist.angular.x, twist.angular.y, twist.angular.z = reading.angular_velocity
    return message


def _observation(reading: VectorReading) -> Observation:
    return Observation(labels=reading.labels, values=array("d", reading.values))


def _joints(reading: JointReading) -> JointState:
    return JointState(
        name=list(reading.names),
        position=array("d", reading.positions),
        velocity=array("d", reading.velocities),
    )


def _contact(reading: ContactReading) -> Bool:
    return Bool(data=reading.touched)


def _cloud(reading: CloudReading) -> PointCloud2:
    points = reading.points
    height, width = points.shape
    fields: Mapping[str, Any] = points.dtype.fields or {}
    data = array("B")
    data.frombytes(np.ascontiguousarray(points).view(np.uint8).data)
    return PointCloud2(
        height=height,
        width=width,
        fields=[
            PointField(name=name, offset=entry[1], datatype=_FIELD_TYPES[entry[0].name], count=1)
            for name, entry in fields.items()
        ],
        point_step=points.dtype.itemsize,
        row_step=points.dtype.itemsize * width,
        data=data,
        is_dense=bool(np.isfinite(points["x"]).all()),
    )


def _image(reading: ImageReading) -> Image:
    height, width = reading.pixels.shape
    data = array("B")
    data.frombytes(np.ascontiguousarray(reading.pixels).data)
    return Image(height=height, width=width, encoding="mono8", step=width, data=data)


def _camera_info(reading: CameraInfoReading) -> CameraInfo:
    fx, fy, cx, cy = reading.fx, reading.fy, reading.cx, reading.cy
    message = CameraInfo(height=reading.height, width=reading.width)
    message.distortion_model = "plumb_bob"
    message.d = array("d", [0.0] * 5)
    message.k = np.array([fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0])
    message.r = np.eye(3).ravel()
    message.p = np.array([fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0])
    return message


_CONVERTERS: dict[type[Any], Callable[[Any], Message]] = {
    RangeReading: _range,
    ImuReading: _imu,
    OdometryReading: _odometry,
    VectorReading: _observation,
    JointReading: _joints,
    ContactReading: _contact,
    CloudReading: _cloud,
    ImageReading: _image,
    CameraInfoReading: _camera_info,
}
