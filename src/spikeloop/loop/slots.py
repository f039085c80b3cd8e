"""The one table of slots: topic, type, QoS, rate and unit of all that nodes exchange.

Nodes, missions, checks, docs and diagnostics read it. Names are relative, so that a namespace gives
one of several robots; `frame` follows REP-105 and units REP-103.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from spikeloop.parameters import suggestion


class SlotError(ValueError):
    """A slot or topic that isn't in the table; the message names the nearest."""


@dataclass(frozen=True)
class Qos:
    """Quality of service of a topic as its publisher offers it."""

    depth: int
    reliable: bool = True
    transient_local: bool = False


EVENTS = Qos(depth=1000)
IMU = Qos(depth=200, reliable=False)
SENSOR = Qos(depth=5, reliable=False)
COMMAND = Qos(depth=1)
STATE = Qos(depth=10)
LATCHED = Qos(depth=1, transient_local=True)


@dataclass(frozen=True)
class Topic:
    """One topic of the contract.

    Attributes:
        name: relative name.
        type: ROS type such as "sensor_msgs/msg/Imu".
        qos: what a publisher offers.
        unit: unit of the payload, in words where a message has several.
        max_period_s: longest pause after which an input counts as silent; 0 where a pause is
            normal.
        varies: a working sensor never repeats itself exactly, so identical data mean that it is
            frozen.

    """

    name: str
    type: str
    qos: Qos
    unit: str = ""
    max_period_s: float = 0.0
    varies: bool = False


TOPICS = {
    topic.name: topic
    for topic in (
        Topic("event_camera/events", "event_camera_msgs/msg/EventPacket", EVENTS, "encoded", 1.0),
        Topic("event_camera/left/events", "event_camera_msgs/msg/EventPacket", EVENTS, "encoded"),
        Topic("event_camera/right/events", "event_camera_msgs/msg/EventPacket", EVENTS, "encoded"),
        Topic("event_camera/source", "sensor_msgs/msg/Image", SENSOR, "pixels", 0.5),
        Topic("event_camera/camera_info", "sensor_msgs/msg/CameraInfo", LATCHED, "pixels"),
        Topic("event_camera/filtered", "event_camera_msgs/msg/EventPacket", EVENTS, "encoded"),
        Topic("event_camera/slices", "event_camera_msgs/msg/EventPacket", EVENTS, "encoded"),
        Topic("event_camera/picture", "sensor_msgs/msg/Image", SENSOR, "rgb8"),
        Topic("event_camera/statistics", "spikeloop/msg/EventStatistics", STATE, "us, events/s"),
        Topic("event_camera/triggers", "spikeloop/msg/EventTriggers", EVENTS, "ns"),
        Topic("event_camera/representation", "spikeloop/msg/EventRepresentation", STATE, "mixed"),
        Topic("camera/image_raw", "sensor_msgs/msg/Image", SENSOR, "pixels", 0.5),
        Topic("camera/camera_info", "sensor_msgs/msg/CameraInfo", LATCHED, "pixels"),
        Topic("lidar/points", "sensor_msgs/msg/PointCloud2", SENSOR, "m", 0.5),
        Topic("imu/data", "sensor_msgs/msg/Imu", IMU, "rad/s, m/s^2", 0.2, varies=True),
        Topic("altitude", "sensor_msgs/msg/Range", SENSOR, "m", 0.2, varies=True),
        Topic("odom", "nav_msgs/msg/Odometry", SENSOR, "m, m/s", 0.5),
        Topic("joint_states", "sensor_msgs/msg/JointState", SENSOR, "rad", 0.5),
        Topic("observation", "spikeloop/msg/Observation", SENSOR, "the environment's own", 0.5),
        Topic("perception/place", "spikeloop/msg/PlaceMatch", STATE, "index, scores"),
        Topic(
            "perception/place_pose", "geometry_msgs/msg/PoseWithCovarianceStamped", STATE, "m, rad"
        ),
        Topic("contact", "std_msgs/msg/Bool", SENSOR, "", 0.5),
        Topic("perception/flow", "sensor_msgs/msg/Image", SENSOR, "pixels/s"),
        Topic("perception/disparity", "stereo_msgs/msg/DisparityImage", SENSOR, "pixels"),
        Topic("perception/detections", "vision_msgs/msg/Detection2DArray", STATE, "pixels"),
        Topic("perception/detections_3d", "vision_msgs/msg/Detection3DArray", STATE, "m"),
        Topic("perception/segments", "sensor_msgs/msg/PointCloud2", SENSOR, "m"),
        Topic("perception/motion_mask", "sensor_msgs/msg/Image", SENSOR, "0 or 255"),
        Topic("truth/depth", "sensor_msgs/msg/Image", STATE, "m"),
        Topic("truth/flow", "sensor_msgs/msg/Image", STATE, "pixels/s"),
        Topic("truth/disparity", "stereo_msgs/msg/DisparityImage", STATE, "pixels"),
        Topic("truth/instances", "sensor_msgs/msg/Image", STATE, "number of the thing"),
        Topic("truth/motion_mask", "sensor_msgs/msg/Image", STATE, "0 or 255"),
        Topic("truth/objects", "vision_msgs/msg/Detection2DArray", STATE, "pixels"),
        Topic("truth/camera_pose", "geometry_msgs/msg/PoseStamped", STATE, "m"),
        Topic("setpoint", "geometry_msgs/msg/PoseStamped", LATCHED, "m, rad"),
        Topic("cmd_vel_raw", "geometry_msgs/msg/TwistStamped", COMMAND, "m/s, rad/s", 0.3),
        Topic("actuators_raw", "actuator_msgs/msg/Actuators", COMMAND, "-1 to 1", 0.3),
        Topic("cmd_vel", "geometry_msgs/msg/TwistStamped", COMMAND, "m/s, rad/s"),
        Topic("actuators", "actuator_msgs/msg/Actuators", COMMAND, "-1 to 1"),
        Topic("stop", "std_msgs/msg/Bool", LATCHED),
        Topic("loop/trace", "spikeloop/msg/StageTrace", Qos(depth=100), "ns"),
        Topic("loop/cost", "spikeloop/msg/LoopCost", Qos(depth=100), "spikes, operations, J"),
        Topic("loop/spikes", "spikeloop/msg/SpikeRecord", Qos(depth=100), "membrane potential"),
        Topic("echo/imu", "sensor_msgs/msg/Imu", IMU, "rad/s, m/s^2"),
        Topic("echo/events", "event_camera_msgs/msg/EventPacket", EVENTS, "encoded"),
        Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", Qos(depth=100)),
        Topic("/tf", "tf2_msgs/msg/TFMessage", Qos(depth=100), "m"),
        Topic("/tf_static", "tf2_msgs/msg/TFMessage", LATCHED, "m"),
        Topic("robot_description", "std_msgs/msg/String", LATCHED, "URDF"),
        Topic("/clock", "rosgraph_msgs/msg/Clock", Qos(depth=10), "s"),
    )
}


OF_EVERY_NODE = ("/diagnostics", "loop/trace", "loop/cost", "loop/spikes")
"""What a node in any slot may publish, to give account of itself."""


@dataclass(frozen=True)
class Slot:
    """A place in the loop that any node can fill that keeps to its topics.

    Attributes:
        name: name in missions and on the command line.
        text: one sentence.
        publishes: topics that a node in this slot may publish, beside those of every node
            (`OF_EVERY_NODE`).
        subscribes: topics that it may subscribe to.
        due: those of `publishes` of which one message is owed for each due input stamp, so that
            lockstep can wait for them.
        period_ticks: period of the outputs in lockstep where the mission doesn't say, in ticks of
            10 ms.

    """

    name: str
    text: str
    publishes: tuple[str, ...]
    subscribes: tuple[str, ...] = ()
    due: tuple[str, ...] = field(default=())
    period_ticks: int = 1


_PERCEPTION = (
    "perception/place",
    "perception/place_pose",
    "perception/flow",
    "perception/disparity",
    "perception/detections",
    "perception/detections_3d",
    "perception/segments",
    "perception/motion_mask",
)
_STATE = ("imu/data", "altitude", "odom", "joint_states", "contact", "observation")
_EXTEROCEPTION = ("lidar/points", "event_camera/events", "camera/image_raw")
_RAW = ("cmd_vel_raw", "actuators_raw")
_TRUTH = tuple(name for name in TOPICS if name.startswith("truth/"))

SLOTS = {
    slot.name: slot
    for slot in (
        Slot(
            "event_camera",
            "An event camera, or a recording of one, with what else it senses.",
            (
                "event_camera/events",
                "event_camera/camera_info",
                "event_camera/triggers",
                "camera/image_raw",
                "imu/data",
            ),
            ("event_camera/source",),
        ),
        Slot(
            "event_processing",
            "Statistics, pictures, representations and filtered events of one camera.",
            (
                "event_camera/filtered",
                "event_camera/picture",
                "event_camera/representation",
                "event_camera/statistics",
                "event_camera/triggers",
            ),
            (
                "event_camera/events",
                "event_camera/filtered",
                "event_camera/slices",
                "event_camera/camera_info",
            ),
            due=("event_camera/filtered", "event_camera/representation"),
        ),
        Slot(
            "slicer",
            "Cuts events into slices of event time or count.",
            ("event_camera/slices",),
            ("event_camera/events", "event_camera/filtered"),
            due=("event_camera/slices",),
        ),
        Slot(
            "place",
            "Recognises the place on a map.",
            ("perception/place", "perception/place_pose"),
            ("event_camera/events", "event_camera/slices", "camera/image_raw", "odom"),
            due=("perception/place", "perception/place_pose"),
            period_ticks=50,
        ),
        Slot(
            "flow",
            "Optical flow in the picture.",
            ("perception/flow",),
            ("event_camera/events", "event_camera/slices"),
            due=("perception/flow",),
            period_ticks=2,
        ),
        Slot(
            "stereo",
            "Disparity of a pair of event cameras.",
            ("perception/disparity",),
            ("event_camera/left/events", "event_camera/right/events"),
            due=("perception/disparity",),
            period_ticks=5,
        ),
        Slot(
            "detection",
            "Objects in the picture.",
            ("perception/detections",),
            ("event_camera/events", "camera/image_raw"),
            due=("perception/detections",),
            period_ticks=5,
        ),
        Slot(
            "lidar_perception",
            "Objects and segments in a point cloud.",
            ("perception/detections_3d", "perception/segments"),
            ("lidar/points",),
            due=("perception/detections_3d", "perception/segments"),
            period_ticks=10,
        ),
        Slot(
            "motion",
            "Pixels that move on their own.",
            ("perception/motion_mask",),
            ("event_camera/events", "perception/flow", "imu/data"),
            due=("perception/motion_mask",),
            period_ticks=5,
        ),
        Slot(
            "controller",
            "Turns perception, state and set-point into a raw command.",
            _RAW,
            (*_PERCEPTION, *_STATE, *_EXTEROCEPTION, "setpoint"),
            due=_RAW,
            period_ticks=10,
        ),
        Slot(
            "gate",
            "The only publisher to the actuators: priorities, limits, time-out, stop.",
            ("cmd_vel", "actuators"),
            (*_RAW, "stop"),
            due=("cmd_vel", "actuators"),
            period_ticks=10,
        ),
        Slot(
            "simulator",
            "The simulated robot with its sensors and its base.",
            (
                "/clock",
                "imu/data",
                "altitude",
                "odom",
                "joint_states",
                "contact",
                "observation",
                "setpoint",
                "event_camera/events",
                "event_camera/camera_info",
                "camera/image_raw",
                "camera/camera_info",
                "lidar/points",
                *_TRUTH,
                "/tf",
                "/tf_static",
                "robot_description",
            ),
            ("cmd_vel", "actuators", "perception/place"),
        ),
        Slot("lidar", "A LiDAR, or a recording of one.", ("lidar/points", "imu/data")),
        Slot("player", "Plays a recording of any topics, and its clock.", ("/clock",)),
        Slot("monitor", "Watches that every part of the loop is alive.", ("stop",), ("/clock",)),
        Slot("recorder", "Records topics to an MCAP file.", ()),
        Slot(
            "echo",
            "Sends its input on at once; the benchmark of the runtime.",
            ("echo/imu", "echo/events"),
            ("imu/data", "event_camera/events"),
        ),
    )
}


def slot(name: str) -> Slot:
    """Look a slot up.

    Raises:
        SlotError: there is none of that name; the message names the nearest.

    """
    try:
        return SLOTS[name]
    except KeyError:
        raise SlotError(
            f"unknown slot '{name}'{suggestion(name, SLOTS)}; there are: {', '.join(SLOTS)}"
        ) from None


def topic(name: str) -> Topic:
    """Look a topic of the contract up by its relative name.

    Raises:
        SlotError: there is none of that name; the message names the nearest.

    """
    try:
        return TOPICS[name]
    except KeyError:
        raise SlotError(f"unknown topic '{name}'{suggestion(name, TOPICS)}") from None
