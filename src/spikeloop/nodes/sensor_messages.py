"""Readings of simulated sensors as ROS messages."""

from __future__ import annotations

from array import array

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Imu, Range
from spikeloop_sim.robot import (
    ImuReading,
    OdometryReading,
    RangeReading,
    Reading,
    VectorReading,
)

from spikeloop.msg import Observation
from spikeloop.nodes.messages import Message, to_time


def sensor_message(reading: Reading, frame_id: str, stamp_ns: int) -> Message:
    """The message of a reading, with stamp and frame."""
    if isinstance(reading, RangeReading):
        message = Range(
            radiation_type=Range.INFRARED,
            field_of_view=reading.field_of_view,
            min_range=reading.min_range,
            max_range=reading.max_range,
            range=reading.distance,
        )
    elif isinstance(reading, ImuReading):
        message = _imu(reading)
    elif isinstance(reading, VectorReading):
        message = Observation(labels=reading.labels, values=array("d", reading.values))
    else:
        message = _odometry(reading)
    message.header.stamp = to_time(stamp_ns)
    message.header.frame_id = frame_id
    return message


def setpoint_message(altitude: float, stamp_ns: int) -> PoseStamped:
    """A set-point of altitude in the frame `map`, m."""
    message = PoseStamped()
    message.header.stamp = to_time(stamp_ns)
    message.header.frame_id = "map"
    message.pose.position.z = altitude
    message.pose.orientation.w = 1.0
    return message


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
