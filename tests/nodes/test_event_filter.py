"""The filter over the wire: exactly the events that the filters keep, and every loss told."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import launch_pytest
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from event_camera_msgs.msg import EventPacket
from launch_pytest.tools.process import wait_for_exit_sync
from lifecycle_msgs.srv import ChangeState
from sensor_msgs.msg import CameraInfo
from spikeloop.msg import EventTriggers

from spikeloop.events.array import Events, joined
from spikeloop.events.codecs import PacketDecoder
from spikeloop.events.filters.background_activity import BackgroundActivity
from spikeloop.events.filters.downsample import Downsample
from spikeloop.events.filters.filter import Filter
from spikeloop.events.filters.refractory import Refractory
from spikeloop.events.filters.region import Region
from spikeloop.events.packet_encoder import PacketEncoder
from spikeloop.events.recording import Recording
from spikeloop.loop.accounting import RECEIVED
from spikeloop.loop.slots import EVENTS, LATCHED
from spikeloop.nodes.messages import qos_profile

DATA = Path(__file__).parents[1] / "data" / "evt3_test_events_1"
# The second reader is the test's, so that it hears all of what comes out.
PLAYER = {"file": str(DATA), "readers": 2, "rate": 4.0}
REGION = {
    "filters": ["region", "refractory", "downsample"],
    "region_left": 100,
    "region_top": 50,
    "region_columns": 320,
    "region_rows": 240,
    "region_moved": True,
    "encoding": "mono",
}


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


def decoded(messages: list[Any]) -> Events:
    decoder = PacketDecoder()
    parts = [
        decoder.decode(
            m.encoding, m.width, m.height, m.seq, bytes(m.events), time_base=m.time_base
        )[0]
        for m in messages
    ]
    assert decoder.lost == decoder.restarts == 0
    return joined(parts)


def recorded() -> Events:
    decoder = PacketDecoder()
    packets = Recording(DATA).packets()
    return joined([decoder.decode(p.encoding, 640, 480, p.seq, p.data)[0] for p in packets])


def equal(one: Events, other: Events) -> bool:
    columns = [np.array_equal(getattr(one, c), getattr(other, c)) for c in "txyp"]
    return all(columns) and (one.width, one.height) == (other.width, other.height)


class Ears:
    """What the filter publishes and says."""

    def __init__(self, peer: Any, *ends: Any) -> None:
        self.packets: list[Any] = []
        self.values: dict[str, str] = {}
        self.said: list[str] = []
        node, self.peer = peer.node, peer
        hearing = node.create_subscription(
            EventPacket, "event_camera/filtered", self.packets.append, qos_profile(EVENTS)
        )
        node.create_subscription(DiagnosticArray, "/diagnostics", self._hear, 100)
        peer.wait(lambda: self.values.get("state") == "active")
        peer.join("event_filter", [hearing, *ends])

    def _hear(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == "/event_filter":
                self.values = {pair.key: pair.value for pair in status.values}
                self.said.append(status.message)

    def start_player(self) -> None:
        self.peer.node.create_subscription(
            EventPacket, "event_camera/events", lambda m: None, qos_profile(EVENTS)
        )


def offline(filters: list[Filter]) -> Events:
    events = recorded()
    for each in filters:
        events = each.apply(events)
    return events


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes", [{"event_filter": {}, "event_player": PLAYER}], indirect=True, ids=["background"]
)
def test_noise_is_taken_out_and_counted_and_triggers_pass(nodes: Any, peer: Any) -> None:
    triggers: list[Any] = []
    peer.node.create_subscription(
        EventTriggers, "event_camera/triggers", triggers.append, qos_profile(EVENTS)
    )
    ears = Ears(peer)
    ears.start_player()
    peer.wait(lambda: len(ears.packets) == 517)
    wanted = offline([BackgroundActivity(640, 480, 2000)])
    assert equal(decoded(ears.packets), wanted)
    peer.wait(lambda: ears.values.get("packets") == "517")
    removed = 343_474 - len(wanted)
    assert ears.values["background_activity removed"] == f"{removed} of 343474"
    assert ears.values["events out"] == str(len(wanted))
    peer.wait(lambda: sum(len(m.time) for m in triggers) == 4157)
    assert sum(sum(m.time) for m in triggers) == 1000 * 33_999_437_880
    assert sum(sum(m.value) for m in triggers) == 2079


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes", [{"event_filter": REGION, "event_player": PLAYER}], indirect=True, ids=["chain"]
)
def test_filters_run_in_their_order_on_the_sensor_that_the_one_before_leaves(
    nodes: Any, peer: Any
) -> None:
    ears = Ears(peer)
    ears.start_player()
    peer.wait(lambda: len(ears.packets) == 517)
    region = Region(640, 480, left=100, top=50, columns=320, rows=240, moved=True)
    wanted = offline([region, Refractory(320, 240, 1000), Downsample(320, 240, 2)])
    assert equal(decoded(ears.packets), wanted)
    assert {(m.encoding, m.width, m.height) for m in ears.packets} == {("mono", 160, 120)}


def packet(seq: int, events: Events, encoding: str = "evt3") -> EventPacket:
    encoded = PacketEncoder(events.width, events.height, "evt3").encode(events)
    return EventPacket(
        seq=seq,
        width=events.width,
        height=events.height,
        encoding=encoding,
        events=array("B", encoded.data.tobytes()),
    )


def line(begin: int) -> Events:
    n = 40
    x = np.arange(n, dtype=np.uint16)
    t = begin + np.arange(n, dtype=np.int64)
    return Events(t, x, np.full(n, 20, np.uint16), np.ones(n, np.uint8), 64, 48)


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize("nodes", [{"event_filter": {}}], indirect=True, ids=["faults"])
def test_a_bad_packet_and_a_gap_are_told_and_what_comes_behind_is_filtered(
    nodes: Any, peer: Any
) -> None:
    out = peer.node.create_publisher(EventPacket, "event_camera/events", qos_profile(EVENTS))
    ears = Ears(peer, out)
    out.publish(packet(1, line(1000)))
    out.publish(packet(2, line(2000), encoding="nonsense"))
    out.publish(packet(9, line(9000)))
    peer.wait(lambda: len(ears.packets) == 2)
    peer.wait(lambda: ears.values.get("bad packets") == "1")
    assert ears.values["lost packets"] in ("6", "7")
    counted = " ".join(ears.values)
    assert "encoding 'nonsense' isn't known" in counted
    assert "packets lost, by their numbers" in counted
    # The first of a line of neighbours has no support, all others have.
    assert len(decoded(ears.packets)) == 2 * 39


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes", [{"event_filter": {"filters": ["rectify"]}}], indirect=True, ids=["rectify"]
)
def test_rectification_comes_from_camera_info_and_goes_on_when_that_is_repeated(
    nodes: Any, peer: Any
) -> None:
    events = peer.node.create_publisher(EventPacket, "event_camera/events", qos_profile(EVENTS))
    info = peer.node.create_publisher(CameraInfo, "event_camera/camera_info", qos_profile(LATCHED))
    ears = Ears(peer, events, info)
    events.publish(packet(1, line(1000)))
    peer.wait(lambda: ears.values.get("events before calibration") == "40")
    # The principal point moves by ten columns and three rows, and nothing else changes.
    camera = CameraInfo(width=64, height=48, distortion_model="plumb_bob", d=[0.0] * 5)
    camera.k = [100.0, 0.0, 30.0, 0.0, 100.0, 20.0, 0.0, 0.0, 1.0]
    camera.p = [100.0, 0.0, 40.0, 0.0, 0.0, 100.0, 23.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    info.publish(camera)
    sent = 1

    def rectified() -> bool:
        nonlocal sent
        sent += 1
        events.publish(packet(sent, line(1000 * sent)))
        return bool(ears.packets)

    peer.wait(rectified)
    moved = decoded(ears.packets[:1])
    assert moved.x.tolist() == list(range(10, 50))
    assert set(moved.y.tolist()) == {23}
    info.publish(camera)
    peer.wait(lambda: ears.values.get(f"{RECEIVED}event_camera/camera_info") == "2")
    rectified()

    def each_is_counted() -> bool:
        rectified_events = int(ears.values.get("rectify removed", "0").split()[-1])
        return int(ears.values["events before calibration"]) + rectified_events == 40 * sent

    peer.wait(each_is_counted)


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes",
    [{"event_filter": {"filters": ["rectify"], "calibration": "/no/such.yaml"}}],
    indirect=True,
    ids=["no calibration"],
)
def test_a_calibration_that_is_not_there_is_named(nodes: Any, launch_context: Any) -> None:
    process = nodes["event_filter"]
    assert wait_for_exit_sync(launch_context, process, timeout=15)
    assert process.return_code == 1
    assert "/no/such.yaml" in process.get_stderr()


@pytest.fixture
def hot_file(tmp_path: Path) -> Path:
    return tmp_path / "hot.yaml"


@pytest.fixture
def hot_nodes(hot_file: Path) -> Any:
    from spikeloop.launching.description import node_action

    parameters = {"filters": ["hot_pixels"], "hot_pixels_file": str(hot_file)}
    return node_action("event_filter", [parameters], cached_output=True)


@launch_pytest.fixture
def launched_hot(hot_nodes: Any, ros_domain: int) -> Any:
    from launch import LaunchDescription
    from spikeloop.launching.description import environment

    return LaunchDescription([*environment(["event_camera/events"]), hot_nodes])


@pytest.mark.launch(fixture=launched_hot)
def test_hot_pixels_are_learned_and_kept_in_the_file(peer: Any, hot_file: Path) -> None:
    out = peer.node.create_publisher(EventPacket, "event_camera/events", qos_profile(EVENTS))
    ears = Ears(peer, out)
    for second in range(2):
        t = 1000 * np.arange(1000, dtype=np.int64) + second * 1_000_000
        one, zero = np.full(1000, 7, np.uint16), np.full(1000, 5, np.uint16)
        out.publish(packet(second + 1, Events(t, one, zero, np.ones(1000, np.uint8), 64, 48)))
    peer.wait(lambda: ears.values.get("hot pixels") == "1")
    change = peer.node.create_client(ChangeState, "event_filter/change_state")
    peer.wait(change.service_is_ready)
    request = ChangeState.Request()
    request.transition.label = "deactivate"
    future = change.call_async(request)
    peer.wait(future.done)
    assert "[7, 5]" in hot_file.read_text()
