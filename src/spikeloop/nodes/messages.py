"""What every node must know of messages: their class, stamp, and whether their data are sound."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from functools import cache
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.qos import (
    QoSDurabilityPolicy,
    QoSHistoryPolicy,
    QoSProfile,
    QoSReliabilityPolicy,
)

from spikeloop.loop.slots import Qos

Message = Any


@cache
def message_class(type_name: str) -> type[Message]:
    """Class of a ROS type such as "sensor_msgs/msg/Imu".

    Raises:
        ImportError: the package isn't installed or has no such message.

    """
    package, kind, name = type_name.split("/")
    module = importlib.import_module(f"{package}.{kind}")
    try:
        return getattr(module, name)  # type: ignore[no-any-return]
    except AttributeError:
        raise ImportError(f"package {package} has no message {name}") from None


def type_name(message_type: type[Message]) -> str:
    """ROS type of a message class, such as "sensor_msgs/msg/Imu"."""
    package, kind = message_type.__module__.split(".")[:2]
    return f"{package}/{kind}/{message_type.__name__}"


def qos_profile(qos: Qos) -> QoSProfile:
    """The rclpy profile of an entry of the slot table."""
    return QoSProfile(
        history=QoSHistoryPolicy.KEEP_LAST,
        depth=qos.depth,
        reliability=(
            QoSReliabilityPolicy.RELIABLE if qos.reliable else QoSReliabilityPolicy.BEST_EFFORT
        ),
        durability=(
            QoSDurabilityPolicy.TRANSIENT_LOCAL
            if qos.transient_local
            else QoSDurabilityPolicy.VOLATILE
        ),
    )


def stamp_of(message: Message) -> int:
    """Stamp of a message with a header, or of a Clock, ns; 0 where it has none."""
    header = getattr(message, "header", None)
    time = header.stamp if header is not None else getattr(message, "clock", None)
    return 0 if time is None else int(time.sec) * 1_000_000_000 + int(time.nanosec)


def to_time(stamp_ns: int) -> Time:
    """As a ROS time."""
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    return Time(sec=sec, nanosec=nanosec)


def numbers_of(message: Message) -> tuple[float, ...]:
    """The numbers of a state or command message by which its health is judged.

    Types with bulk data (pictures, clouds, events) give none: they are judged where they are
    decoded, for looking through them here would cost more than all the rest.
    """
    extract = _NUMBERS.get(type(message).__name__)
    return () if extract is None else extract(message)


def is_finite(numbers: tuple[float, ...]) -> bool:
    """Whether all are finite."""
    return all(map(math.isfinite, numbers))


def _xyz(vector: Message) -> tuple[float, ...]:
    return (vector.x, vector.y, vector.z)


def _xyzw(quaternion: Message) -> tuple[float, ...]:
    return (quaternion.x, quaternion.y, quaternion.z, quaternion.w)


def _twist(twist: Message) -> tuple[float, ...]:
    return (*_xyz(twist.linear), *_xyz(twist.angular))


def _pose(pose: Message) -> tuple[float, ...]:
    return (*_xyz(pose.position), *_xyzw(pose.orientation))


_NUMBERS: dict[str, Callable[[Message], tuple[float, ...]]] = {
    "Range": lambda m: (m.range,),
    "Imu": lambda m: (*_xyz(m.angular_velocity), *_xyz(m.linear_acceleration)),
    "Odometry": lambda m: (*_pose(m.pose.pose), *_twist(m.twist.twist)),
    "JointState": lambda m: (*m.position, *m.velocity, *m.effort),
    "Observation": lambda m: tuple(m.values),
    "PoseStamped": lambda m: _pose(m.pose),
    "TwistStamped": lambda m: _twist(m.twist),
    "Actuators": lambda m: (*m.position, *m.velocity, *m.normalized),
}
