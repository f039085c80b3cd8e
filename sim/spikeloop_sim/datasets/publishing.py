"""What a recording's bag holds: topics, and messages of sensors and ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.packet_encoder import PacketEncoder
from spikeloop.loop.slots import EVENTS, IMU, LATCHED, SENSOR, TOPICS, Qos
from spikeloop_sim.datasets.bag_parts import Message
from spikeloop_sim.datasets.body_sensors import BodySensors
from spikeloop_sim.datasets.messages import Messages
from spikeloop_sim.datasets.rig import START_US, Part, Rig, Seen
from spikeloop_sim.event_camera.optics import Pose
from spikeloop_sim.true_view import TRUTH

_IMAGE, _INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"
_NEVER = np.iinfo(np.int64).min


class Publisher:
    """Turns parts into messages."""

    def __init__(self, rig: Rig, seed: int) -> None:
        """Publish what this rig has."""
        self._rig, self._messages = rig, Messages()
        self.store = self._messages.store
        config = rig.config
        self._body = BodySensors(rig.stage, rig.path, config, seed)
        self._encoders = {
            side: PacketEncoder(config.width, config.height, "evt3") for side in rig.sides
        }
        self._newest = dict.fromkeys(rig.sides, int(_NEVER))
        self.topics = self._topics()

    def _topics(self) -> dict[str, tuple[str, Qos]]:
        found: dict[str, tuple[str, Qos]] = {}
        for side in self._rig.sides:
            found[self.event_topic(side)] = ("event_camera_msgs/msg/EventPacket", EVENTS)
            found[f"{self._base('event_camera', side)}/camera_info"] = (_INFO, LATCHED)
            if self._rig.config.frames:
                base = self._base("camera", side)
                found[f"{base}/image_raw"] = (_IMAGE, SENSOR)
                found[f"{base}/camera_info"] = (_INFO, LATCHED)
        found["/imu/data"] = ("sensor_msgs/msg/Imu", IMU)
        if self._body.has_lidar:
            found["/lidar/points"] = ("sensor_msgs/msg/PointCloud2", SENSOR)
        found |= {f"/{name}": (TOPICS[name].type, TOPICS[name].qos) for name in TRUTH}
        found["/truth/pose"] = ("geometry_msgs/msg/PoseStamped", IMU)
        found["/tf"] = ("tf2_msgs/msg/TFMessage", Qos(100))
        found["/tf_static"] = ("tf2_msgs/msg/TFMessage", LATCHED)
        return found

    def event_topic(self, side: str) -> str:
        """Topic of a side's events."""
        return f"{self._base('event_camera', side)}/events"

    def _base(self, name: str, side: str) -> str:
        return f"/{name}/{side}" if self._rig.config.stereo else f"/{name}"

    def _frame(self, side: str) -> str:
        return f"camera_{side}_optical" if self._rig.config.stereo else "camera_optical"

    def state(self) -> dict[str, NDArray[Any]]:
        """What the parts to come depend on."""
        return {"newest": np.array([self._newest[side] for side in self._rig.sides])}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where `state` was taken."""
        for side, newest in zip(self._rig.sides, state["newest"].tolist(), strict=True):
            self._newest[side] = newest
            if newest != _NEVER:
                # An encoder knows of the past only the newest time.
                config = self._rig.config
                self._encoders[side].encode(_event(newest, config.width, config.height))

    def part(self, part: Part, index: int) -> list[Message]:
        """All messages of a part."""
        found = self._latched() if index == 0 else []
        for seen in part.seen:
            found += self._seen(seen)
        for number, pictures in part.frames:
            del number
            for side, picture in pictures.items():
                stamp = 1000 * picture.end_us
                image = self._messages.image(stamp, self._frame(side), "mono8", picture.pixels)
                found.append((f"{self._base('camera', side)}/image_raw", stamp, image))
        period = self._rig.config.period_us
        begin = part.seen[0].number * period if index == 0 else (part.seen[0].number - 1) * period
        return found + self._moving(begin, part.seen[-1].number * period)

    def _latched(self) -> list[Message]:
        """What is said once, at the beginning."""
        stamp, make = 1000 * START_US, self._messages
        found: list[Message] = []
        cameras = dict(zip(("left", "right"), self._rig.stereo.cameras(), strict=True))
        tree = []
        for side in self._rig.sides:
            info = make.camera_info(stamp, self._frame(side), cameras[side])
            found.append((f"{self._base('event_camera', side)}/camera_info", stamp, info))
            if self._rig.config.frames:
                found.append((f"{self._base('camera', side)}/camera_info", stamp, info))
            turn = self._rig.path.pose(0.0).rotation.T @ self._rig.optical(0.0, side).rotation
            tree.append(("base_link", self._frame(side), Pose(self._rig.mount(side), turn)))
        tree += self._body.tree()
        found.append(("/tf_static", stamp, make.transforms(stamp, tree)))
        return found

    def _seen(self, seen: Seen) -> list[Message]:
        stamp, make, frame = 1000 * seen.time_us, self._messages, self._frame("left")
        found: list[Message] = []
        config = self._rig.config
        if seen.number:
            for side, events in seen.events.items():
                packet = make.events(
                    stamp, self._frame(side), (config.width, config.height), seen.number,
                    self._encoders[side].encode(events),
                )  # fmt: skip
                if len(events):
                    self._newest[side] = int(events.t[-1])
                found.append((self.event_topic(side), stamp, packet))
        return found + [
            (f"/{name}", stamp, make.truth(name, stamp, frame, seen.view)) for name in TRUTH
        ]

    def _moving(self, begin_us: int, end_us: int) -> list[Message]:
        """Sensors of the body, and where it is, with begin < t <= end."""
        make, found = self._messages, list[Message]()
        for time_us, rates, force in self._body.inertial(begin_us, end_us):
            stamp = 1000 * (START_US + time_us)
            found.append(("/imu/data", stamp, make.imu(stamp, "imu_link", rates, force)))
            pose = self._rig.path.pose(1e-6 * time_us)
            found.append(("/truth/pose", stamp, make.pose(stamp, "map", pose)))
            found.append(("/tf", stamp, make.transforms(stamp, [("map", "base_link", pose)])))
        for time_us, points in self._body.scans(begin_us, end_us):
            stamp = 1000 * (START_US + time_us)
            found.append(("/lidar/points", stamp, make.cloud(stamp, "lidar_link", points)))
        return found


def _event(time_us: int, width: int, height: int) -> Events:
    column = np.zeros(1, np.uint16)
    return Events(np.array([time_us]), column, column, np.zeros(1, np.uint8), width, height)
