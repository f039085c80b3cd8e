"""Recorded pictures of the simulated camera in, event packets out, over the wire."""

from __future__ import annotations

from array import array
from typing import Any

import launch_pytest
import numpy as np
import pytest
from event_camera_msgs.msg import EventPacket
from sensor_msgs.msg import Image
from spikeloop_sim.evcam.scenes import Scene
from spikeloop_sim.event_camera.optics import Pinhole
from spikeloop_sim.event_camera.pictures import PictureEventCamera
from spikeloop_sim.event_camera.renderer import SceneRenderer

from spikeloop.events.array import joined
from spikeloop.events.codecs import PacketDecoder
from spikeloop.loop.slots import EVENTS, SENSOR
from spikeloop.nodes.gazebo_event_camera import GazeboEventCameraConfig, luminance_of
from spikeloop.nodes.messages import qos_profile, stamp_of, to_time
from spikeloop.nodes.slot import InputError

LENS = Pinhole.of_field(80, 60, 1.4)
STEP_NS, COUNT = 10_000_000, 12
BEGIN_NS = 5_000_000_000


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


def picture(pixels: np.ndarray, encoding: str, stamp_ns: int = 0, padding: int = 0) -> Image:
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(len(pixels), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)))
    return Image(
        header=Image().header, width=pixels.shape[1], height=len(pixels), encoding=encoding,
        step=rows.shape[1], data=array("B", rows.tobytes()),
    ) if not stamp_ns else _stamped(picture(pixels, encoding, 0, padding), stamp_ns)  # fmt: skip


def _stamped(message: Image, stamp_ns: int) -> Image:
    message.header.stamp = to_time(stamp_ns)
    message.header.frame_id = "event_camera_optical_frame"
    return message


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """What a camera like Gazebo's sees of a room that it moves through, rgb8."""
    scene, out = Scene("mixed", 3), []
    with SceneRenderer(scene.model, LENS, 2) as renderer:
        for k in range(COUNT):
            light = renderer.render(*scene.at(k * STEP_NS * 1e-9)).luminance
            light = light.reshape(60, 2, 80, 2).mean(axis=(1, 3))
            grey = np.round(255.0 * np.clip(light, 0.0, 1.0) ** (1 / 2.2)).astype(np.uint8)
            out.append(np.repeat(grey[..., None], 3, axis=2))
    return out


@pytest.mark.parametrize("encoding, pixels", [
    ("mono8", np.full((2, 3), 128, np.uint8)),
    ("mono16", np.full((2, 3), 32896, np.uint16)),
    ("rgb8", np.full((2, 3, 3), 128, np.uint8)),
    ("bgra8", np.full((2, 3, 4), 128, np.uint8)),
    ("32FC1", np.full((2, 3), 128 / 255, np.float32)),
])  # fmt: skip
def test_encodings_give_the_same_light(encoding: str, pixels: np.ndarray) -> None:
    for padding in (0, 4):
        light = luminance_of(picture(pixels, encoding, padding=padding), 2.2)
        assert light.shape == (2, 3) and light.dtype == np.float32
        assert light == pytest.approx((128 / 255) ** 2.2, rel=1e-4)


def test_green_is_lighter_than_blue_whatever_the_order() -> None:
    green = np.zeros((1, 1, 3), np.uint8)
    green[..., 1] = 255
    blue = np.array([[[255, 0, 0]]], np.uint8)
    assert luminance_of(picture(green, "rgb8"), 1.0)[0, 0] == pytest.approx(0.7152)
    assert luminance_of(picture(blue, "bgr8"), 1.0)[0, 0] == pytest.approx(0.0722)


def test_unusable_pictures_are_named() -> None:
    good = picture(np.zeros((2, 3), np.uint8), "mono8")
    good.encoding = "bayer_rggb8"
    with pytest.raises(InputError, match="bayer_rggb8"):
        luminance_of(good, 2.2)
    good.encoding, good.width = "mono8", 300
    with pytest.raises(InputError, match="too few"):
        luminance_of(good, 2.2)


@pytest.mark.parametrize(
    "nodes", [{"gazebo_event_camera": {"seed": 5, "fresh_within": 0.0}}], indirect=True
)
@pytest.mark.launch(fixture=launched)
def test_the_wire_gives_what_the_camera_alone_gives(
    nodes: dict[str, Any], peer: Any, frames: list[np.ndarray]
) -> None:
    heard: list[EventPacket] = []
    node = peer.node
    publisher = node.create_publisher(Image, "event_camera/source", qos_profile(SENSOR))
    hearing = node.create_subscription(
        EventPacket, "event_camera/events", heard.append, qos_profile(EVENTS)
    )
    # The node compiles its pixels first.
    peer.join("gazebo_event_camera", [publisher, hearing], 120.0)
    for k, frame in enumerate(frames):
        publisher.publish(picture(frame, "rgb8", BEGIN_NS + k * STEP_NS))
        # Best effort: the next one only once this one is answered.
        peer.wait(lambda count=k + 1: len(heard) >= count)
    config = GazeboEventCameraConfig(seed=5)
    camera = PictureEventCamera(80, 60, config.sensor(), 5)
    expected = []
    for k, frame in enumerate(frames):
        light = luminance_of(picture(frame, "rgb8"), config.gamma)
        expected.append(camera.look(light, (BEGIN_NS + k * STEP_NS) // 1000))
    decoder = PacketDecoder()
    got = [
        decoder.decode(m.encoding, m.width, m.height, m.seq, bytes(m.events),
                       time_base=m.time_base)[0]
        for m in heard
    ]  # fmt: skip
    assert [len(part) for part in got] == [len(part) for part in expected]
    one, other = joined(got), joined(expected)
    assert len(one) > 2000
    for name in "xyp":
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert stamp_of(heard[-1]) == BEGIN_NS + (COUNT - 1) * STEP_NS
    assert heard[-1].header.frame_id == "event_camera_optical_frame"
