"""To a goal past obstacles by LiDAR and odometry (slot `controller`), without a map."""

from __future__ import annotations

from dataclasses import dataclass

from geometry_msgs.msg import TwistStamped
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.control.lidar_reactive.config import LidarReactiveConfig
from spikeloop.control.lidar_reactive.lidar_reactive import LidarReactive
from spikeloop.nodes.commands import no_twist, twist_of
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.nodes.scans import scan_of
from spikeloop.nodes.slot import InputError, SlotNode
from spikeloop.parameters import parameter
from spikeloop.rotation import yaw_of

POINTS, ODOM, GOAL = "lidar/points", "odom", "setpoint"


@dataclass(frozen=True)
class LidarReactiveNodeConfig(LidarReactiveConfig):
    """How it drives, and how often it decides."""

    period: float = parameter(
        0.1, "Time between two commands.", unit="s", low=1e-4, high=60.0, fixed=True
    )


class LidarReactiveNode(SlotNode):
    """A scan, odometry and a goal in; forward speed and turn rate out.

    The goal must be in odometry's frame, or in `map` where the two are one to begin with.
    """

    slot = "controller"
    text = "Drives to a goal past obstacles by the newest scan: VFH+ and avoiding the past."
    config_type = LidarReactiveNodeConfig
    publishes = ("cmd_vel_raw",)
    joins = (POINTS, ODOM, GOAL)
    config: LidarReactiveNodeConfig

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Build the controller."""
        self.controller = LidarReactive(self.config)
        return super().on_configure(state)

    def reset(self) -> None:
        """Forget the trail and the obstacles."""
        self.controller.reset()

    def config_changed(self) -> None:
        """New weights hold from the next decision on; what it remembers stays."""
        self.controller.config = self.config

    def answer(self, stamp_ns: int, inputs: dict[str, Message]) -> dict[str, Message]:
        """One decision."""
        for name in (ODOM, GOAL):
            if name not in inputs:
                raise InputError(f"{name}: none has come yet")
        points = scan_of(POINTS, inputs[POINTS])
        pose = inputs[ODOM].pose.pose
        turn, place = pose.orientation, inputs[GOAL].pose.position
        here = (pose.position.x, pose.position.y, yaw_of(turn.x, turn.y, turn.z, turn.w))
        speed, rate = self.controller.decide(points, here, (place.x, place.y), stamp_ns / 1e9)
        command = TwistStamped(twist=twist_of((speed, 0.0, 0.0, 0.0, 0.0, rate)))
        command.header.frame_id = "base_link"
        return {"cmd_vel_raw": command}

    def empty(self, name: str) -> Message:
        """The answer without a command: an input can't be trusted."""
        return no_twist()


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(LidarReactiveNode, args)
