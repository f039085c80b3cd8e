"""The place nodes over the wire: pictures and events in, match, pose and cost out."""

from __future__ import annotations

import subprocess
import sys
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import launch_pytest
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from event_camera_msgs.msg import EventPacket
from geometry_msgs.msg import PoseWithCovarianceStamped
from nav_msgs.msg import Odometry
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from spikeloop.msg import LoopCost, PlaceMatch

from spikeloop.events.event_array import mono_packets
from spikeloop.image_pixels import pixels_of
from spikeloop.loop.slots import EVENTS, TOPICS
from spikeloop.nodes.messages import qos_profile
from spikeloop.perception.place.place_map import PlaceMap, load_map, save_map

DATA = Path(__file__).parents[1] / "data"
sys.path.insert(0, str(DATA))
from make_place_map import counts, picture  # noqa: E402

MAP = DATA / "place" / "place.npz"
BASE = {"map": str(MAP), "length": 1, "period": 0.001}


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


class Desk:
    """Sends pictures and keeps what comes back."""

    def __init__(self, peer: Any) -> None:
        self.peer, self.places, self.poses, self.costs, self.texts = peer, [], [], [], []
        self.images = peer.node.create_publisher(Image, "camera/image_raw", qos_profile_sensor_data)
        self.odometry = peer.node.create_publisher(Odometry, "odom", qos_profile_sensor_data)
        hear = peer.node.create_subscription
        self.hearing = [
            hear(kind, name, keep, qos_profile(TOPICS[name].qos))
            for kind, name, keep in (
                (PlaceMatch, "perception/place", self.places.append),
                (PoseWithCovarianceStamped, "perception/place_pose", self.poses.append),
                (LoopCost, "loop/cost", self.costs.append),
            )
        ]
        hear(DiagnosticArray, "/diagnostics", self._hear, 100)

    def _hear(self, message: DiagnosticArray) -> None:
        for entry in message.status:
            self.texts += [entry.message, *(f"{pair.key} {pair.value}" for pair in entry.values)]

    def send(self, pixels: np.ndarray, encoding: str) -> int:
        """Send a picture now; its stamp, ns."""
        image = Image(
            height=len(pixels), width=pixels.shape[1], encoding=encoding,
            step=pixels.strides[0], data=array("B", pixels.tobytes()),
        )  # fmt: skip
        image.header.frame_id = "eye"
        image.header.stamp = self.peer.node.get_clock().now().to_msg()
        self.images.publish(image)
        return _stamp(image)

    def show(self, pixels: np.ndarray, encoding: str = "mono8") -> tuple[Any, Any]:
        """Place and pose that answer a picture, which is sent until they come."""
        sent: set[int] = set()

        def answered() -> Any:
            sent.add(self.send(pixels, encoding))
            poses = {_stamp(pose): pose for pose in self.poses}
            return next(
                ((p, poses[_stamp(p)]) for p in self.places if _stamp(p) in sent & poses.keys()),
                None,
            )

        place, pose = self.peer.wait(answered)
        return place, pose

    def hears(self, text: str, pixels: np.ndarray, encoding: str = "mono8") -> None:
        """Send a picture until the diagnostics say something of it."""
        self.peer.wait(
            lambda: self.send(pixels, encoding) and any(text in told for told in self.texts)
        )


def _stamp(message: Any) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    ("nodes", "method"),
    [
        ({"place_temporal": {**BASE, "odometry": False}}, "temporal"),
        ({"place_sad": {**BASE, "odometry": False}}, "sad"),
    ],
    indirect=["nodes"],
    ids=["temporal", "sad"],
)
def test_a_known_place_is_recognised_and_nothing_is_said_of_a_black_picture(
    nodes: Any, method: str, peer: Any
) -> None:
    desk = Desk(peer)
    place, pose = desk.show(picture(7))
    assert (place.index, place.is_new, place.header.frame_id) == (7, False, "eye")
    assert place.map_id == load_map(MAP).identity and place.score > place.threshold
    at, turn = pose.pose.pose.position, pose.pose.pose.orientation
    assert (pose.header.frame_id, at.x, at.y) == ("map", 14.0, 0.5)
    assert 2.0 * np.arctan2(turn.z, turn.w) == pytest.approx(0.25)
    assert pose.pose.covariance[0] == pytest.approx(4.0)  # places are 2 m apart
    peer.wait(lambda: desk.costs)
    counted = desk.costs[-1]
    if method == "sad":
        assert (counted.spikes, counted.accumulates) == (0, 2 * 3 * 12 * 64)
    else:
        assert counted.spikes > 0 and counted.multiply_accumulates > 0 and counted.energy > 0.0

    place, pose = desk.show(np.zeros((48, 64), np.uint8))
    assert (place.index, place.is_new) == (-1, False)
    assert pose.pose.covariance[0] == 1e6
    desk.hears("shows nothing, it has no contrast", np.zeros((48, 64), np.uint8))

    three = np.repeat(picture(3)[:, :, None], 3, axis=2)
    assert desk.show(np.ascontiguousarray(three), "bgr8")[0].index == 3
    desk.hears("encoding 'yuv422' aren't known", picture(3), "yuv422")


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes",
    [
        {
            "place_sad": {
                "map": str(MAP.with_name("events.npz")), "length": 1, "period": 0.001,
                "odometry": False, "source": "slices",
            }
        }
    ],
    indirect=True,
)  # fmt: skip
def test_slices_of_events_are_recognised_by_their_counts(nodes: Any, peer: Any) -> None:
    desk = Desk(peer)
    out = peer.node.create_publisher(EventPacket, "event_camera/slices", qos_profile(EVENTS))
    peer.join("place_sad", [out, *desk.hearing])
    for seq, place in enumerate((4, 9), 1):
        y, x = np.nonzero(counts(place))
        times = np.repeat(np.arange(len(x)), counts(place)[y, x])
        row, column = y[times].astype(np.uint16), x[times].astype(np.uint16)
        # A second apart, which is more than the window.
        t = 10**9 * seq + 1000 * times.astype(np.int64)
        ((base, data),) = mono_packets(t, column, row, np.ones(len(t), np.uint8))
        packet = EventPacket(
            seq=seq, width=64, height=48, encoding="mono", time_base=base, events=array("B", data)
        )
        packet.header.stamp = peer.node.get_clock().now().to_msg()
        out.publish(packet)
        told = peer.wait(lambda n=seq: len(desk.places) == n and desk.places[-1])
        assert (told.index, told.is_new) == (place, False)


def test_a_missing_map_is_named_with_its_parameter(ros_domain: int) -> None:
    command = [str(Path(sys.prefix) / "lib" / "spikeloop" / "place_sad")]
    done = subprocess.run(
        [*command, "--ros-args", "-p", "map:=nowhere.npz"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "parameter 'map': nowhere.npz: isn't there; `spikeloop train place" in done.stderr
    assert "Traceback" not in done.stderr


def test_pixels_of_all_encodings_and_what_is_refused() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    image = Image(height=3, width=4, encoding="mono8", step=4, data=array("B", grey.tobytes()))
    assert pixels_of(image).tolist() == grey.tolist()
    padded = np.hstack([grey, np.full((3, 2), 9, np.uint8)])
    image = Image(height=3, width=4, encoding="mono8", step=6, data=array("B", padded.tobytes()))
    assert pixels_of(image).tolist() == grey.tolist()
    deep = (grey.astype("u2") * 256).astype(">u2")
    image = Image(height=3, width=4, encoding="mono16", step=8, is_bigendian=1)
    image.data = array("B", deep.tobytes())
    assert pixels_of(image).tolist() == (256 * grey.astype(int)).tolist()
    colour = np.dstack([grey, grey + 20, grey + 40, grey + 60])
    image = Image(height=3, width=4, encoding="bgra8", step=16, data=array("B", colour.tobytes()))
    assert pixels_of(image)[0, 1].tolist() == [41, 21, 1]
    for wrong in (
        {"encoding": "bayer_grbg8"}, {"step": 3}, {"data": array("B", bytes(7))},
    ):  # fmt: skip
        fields = {"height": 3, "width": 4, "encoding": "mono8", "step": 4} | wrong
        fields.setdefault("data", array("B", grey.tobytes()))
        with pytest.raises(ValueError, match="picture"):
            pixels_of(Image(**fields))


def test_a_map_too_small_to_call_anything_new_warns(peer: Any, tmp_path: Path) -> None:
    whole = load_map(MAP)
    small = PlaceMap(whole.poses[:4], whole.references[:, :4], (), whole.picture)
    save_map(small, tmp_path / "small.npz")
    command = [str(Path(sys.prefix) / "lib" / "spikeloop" / "place_sad"), "--ros-args"]
    with (tmp_path / "told").open("w+") as told:
        node = subprocess.Popen(
            [*command, "-p", f"map:={tmp_path / 'small.npz'}"], stderr=told, text=True
        )
        try:
            words = "small.npz: of 4 places; with fewer than 9 no picture is told from"
            peer.wait(lambda: words in (tmp_path / "told").read_text())
        finally:
            node.kill()
            node.wait(10.0)


def test_a_map_without_positions_needs_no_odometry(tmp_path: Path) -> None:
    placeless = replace(load_map(MAP), placed=False)
    save_map(placeless, tmp_path / "bare.npz")
    command = [str(Path(sys.prefix) / "lib" / "spikeloop" / "place_sad"), "--ros-args"]
    command += ["-p", f"map:={tmp_path / 'bare.npz'}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "parameter 'odometry': the places of" in ended.stderr
