"""What a simulated robot senses, on its way out: due samples, faults, clock, frames."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from rosgraph_msgs.msg import Clock as ClockMessage
from spikeloop_sim.faults import Fault, FaultInjector
from spikeloop_sim.robot import (
    EmbodiedRobot,
    EventsReading,
    OdometryReading,
    Reading,
    Robot,
    SensorSpec,
)
from std_msgs.msg import String

from spikeloop.events.array import Triggers
from spikeloop.loop.guiding import Pose4
from spikeloop.loop.slots import TOPICS
from spikeloop.nodes.event_packets import PacketWriter
from spikeloop.nodes.messages import Message, to_time
from spikeloop.nodes.sensor_messages import (
    odometry_transform,
    sensor_message,
    setpoint_message,
    transforms_message,
)
from spikeloop.nodes.slot import SlotNode

ODOMETRY = "odom"


def topics_of(robot: Robot, has_setpoints: bool) -> tuple[str, ...]:
    """All that is published of a robot, the clock first."""
    sensors = [spec.topic for spec in robot.sensors if spec.topic in TOPICS]
    more = ["setpoint"] if has_setpoints else []
    if isinstance(robot, EmbodiedRobot):
        more += ["/tf_static", "robot_description"] if robot.frames else []
        more += ["/tf"] if ODOMETRY in sensors else []
    return ("/clock", *sensors, *more)


class SensorOutlet:
    """Sends what is due at a tick, and again if need be."""

    def __init__(
        self,
        node: SlotNode,
        robot: Robot,
        faults: Sequence[Fault],
        left_out: Collection[str] = (),
    ) -> None:
        """Serve the sensors of which the contract has topics, but not `left_out`."""
        self._node, self._robot = node, robot
        self._specs = [s for s in robot.sensors if s.topic in TOPICS and s.topic not in left_out]
        self._faults = FaultInjector(faults)
        self._newest: dict[str, Message] = {}
        self._writers = {
            spec.topic: PacketWriter(node.diagnoser, "evt3")
            for spec in self._specs
            if spec.kind == "events"
        }
        self._is_embodied = isinstance(robot, EmbodiedRobot)

    @property
    def cycle(self) -> int:
        """Ticks after which the same sensors are due together."""
        return math.lcm(*[spec.period_ticks or 1 for spec in self._specs])

    def announce(self, stamp_ns: int) -> None:
        """Send what is told once: fixed frames, the description."""
        robot = self._robot
        if isinstance(robot, EmbodiedRobot) and robot.frames:
            self._node.emit("/tf_static", transforms_message(robot.frames, stamp_ns))
            self._node.emit("robot_description", String(data=robot.description))

    def send(self, tick: int, stamp_ns: int, time_s: float, setpoint: Pose4 | None) -> None:
        """Send what is due: the clock first, then the set-point, then the sensors.

        Args:
            tick: of the robot.
            stamp_ns: of the messages.
            time_s: of the robot, for faults.
            setpoint: what the controller is asked for; None where none is due.

        """
        self._node.emit("/clock", ClockMessage(clock=to_time(stamp_ns)))
        if setpoint is not None:
            self._publish("setpoint", setpoint_message(setpoint, stamp_ns))
        for spec in self._specs:
            if tick % spec.period_ticks if spec.period_ticks else tick:
                continue
            faulty = self._faults.apply(spec.topic, self._robot.read(spec.topic), stamp_ns, time_s)
            if faulty is not None:
                self._send_reading(spec, *faulty)

    def send_again(self) -> None:
        """Send the newest message of everything once more."""
        for name, message in self._newest.items():
            self._node.emit(name, message)

    def _send_reading(self, spec: SensorSpec, reading: Reading, stamp_ns: int) -> None:
        if isinstance(reading, EventsReading):
            writer = self._writers[spec.topic]
            message = writer.write(reading.events, Triggers.none(), spec.frame_id)
            message.header.stamp = to_time(stamp_ns)
        else:
            message = sensor_message(reading, spec.frame_id, stamp_ns)
        self._publish(spec.topic, message)
        if spec.topic == ODOMETRY and self._is_embodied and isinstance(reading, OdometryReading):
            self._node.emit("/tf", odometry_transform(reading, spec.frame_id, stamp_ns))

    def _publish(self, name: str, message: Message) -> None:
        self._newest[name] = message
        self._node.emit(name, message)
