"""Commands of both kinds as numbers: normalised ones of actuators, and velocities."""

from __future__ import annotations

from collections.abc import Sequence

from geometry_msgs.msg import Twist, TwistStamped

from spikeloop.nodes.messages import Message

NO_COMMAND = "no_command"
"""Frame of a TwistStamped by which a controller says that it has no command: unlike Actuators, it
can't be empty. Its velocities are 0, so that who doesn't know this stands still."""


def command_values(message: Message) -> tuple[float, ...]:
    """What an Actuators or TwistStamped commands: -1 to 1, or six velocities in m/s and rad/s.

    Empty where the controller says that it has none.
    """
    if hasattr(message, "normalized"):
        return tuple(message.normalized)
    if message.header.frame_id == NO_COMMAND:
        return ()
    linear, angular = message.twist.linear, message.twist.angular
    return (linear.x, linear.y, linear.z, angular.x, angular.y, angular.z)


def twist_of(values: Sequence[float]) -> Twist:
    """The Twist of six velocities."""
    twist = Twist()
    twist.linear.x, twist.linear.y, twist.linear.z = values[:3]
    twist.angular.x, twist.angular.y, twist.angular.z = values[3:]
    return twist


def no_twist() -> TwistStamped:
    """The answer of a controller of velocities that has no command."""
    message = TwistStamped()
    message.header.frame_id = NO_COMMAND
    return message
