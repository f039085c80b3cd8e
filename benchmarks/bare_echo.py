"""The peer of `runtime`: the least rclpy node with an EventsExecutor that sends messages on."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import rclpy
from event_camera_msgs.msg import EventPacket
from rclpy.experimental import EventsExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Imu


def main() -> int:
    """Run until a signal."""
    ended = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal ended
        ended = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("bare_echo")
    imu = QoSProfile(depth=200, reliability=ReliabilityPolicy.BEST_EFFORT)
    events = QoSProfile(depth=1000)
    imu_out = node.create_publisher(Imu, "echo/imu", imu)
    events_out = node.create_publisher(EventPacket, "echo/events", events)
    node.create_subscription(Imu, "imu/data", imu_out.publish, imu)
    node.create_subscription(EventPacket, "event_camera/events", events_out.publish, events)
    executor = EventsExecutor()
    executor.add_node(node)
    while not ended:
        executor.spin_once(timeout_sec=0.1)
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
