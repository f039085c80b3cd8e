"""Commands of both kinds as numbers: normalised ones of actuators, and velocities."""

from __future__ import annotations

from collections.abc import Sequence

from geometry_msgs.msg import Twist

from spikeloop.nodes.messages import Message


def command_values(message: Message) -> tuple[float, ...]:
    """What an Actuators or TwistStamped commands: -1 to 1, or six velocities in m/s and rad/s."""
    if hasattr(message, "normalized"):
        return tuple(message.normalized)
    linear, angular = message.twist.linear, message.twist.angular
    return (linear.x, linear.y, linear.z, angular.x, angular.y, angular.z)


def twist_of(values: Sequence[float]) -> Twist:
    """The Twist of six velocities."""
    twist = Twist()
    twist.linear.x, twist.linear.y, twist.linear.z = values[:3]
    twist.angular.x, twist.angular.y, twist.angular.z = values[3:]
    return twist
