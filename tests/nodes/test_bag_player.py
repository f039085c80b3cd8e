"""Bags over the wire: every message, as its bytes were recorded, in order, with one clock."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import launch_pytest
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from launch_pytest.tools.process import wait_for_exit_sync
from mcap.writer import Writer
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu
from std_msgs.msg import String
from std_srvs.srv import SetBool

from spikeloop.nodes.messages import stamp_of

DATA = Path(__file__).parents[1] / "data" / "rosbag2_small"
DEEP = QoSProfile(depth=2000)
LETTERS = "ABCDEFGH"
BARE = ((0, "empty"), (1, "cut"))
"""Bags without a message, and how the player of one ends."""


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


def ears(peer: Any) -> tuple[dict[str, str], list[str]]:
    """The values and the words that the player tells."""
    values: dict[str, str] = {}
    words: list[str] = []

    def hear(message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == "/bag_player":
                values.update({pair.key: pair.value for pair in status.values})
                words.append(status.message)

    peer.node.create_subscription(DiagnosticArray, "/diagnostics", hear, 100)
    return values, words


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes",
    [{"bag_player": {"file": str(DATA / "wbag"), "readers": 8, "rate": 0.001}}],
    indirect=True,
    ids=["split"],
)
def test_a_split_bag_comes_whole(nodes: Any, peer: Any) -> None:
    counts = {3 * letter: 0 for letter in LETTERS}

    def count(name: str) -> Any:
        def take(message: Any) -> None:
            counts[name] += 1

        return take

    for name in counts:
        peer.node.create_subscription(String, name, count(name), DEEP)
    values, _ = ears(peer)
    peer.wait(lambda: sum(counts.values()) == 6074, timeout=40.0)
    assert list(counts.values()) == [804, 742, 742, 753, 804, 772, 731, 726]
    peer.wait(lambda: values.get("messages") == "6074")


TALKER = {
    "file": str(DATA / "talker"),
    "topics": ["/topic"],
    "readers": 1,
    "rate": 20.0,
    "clock_rate": 1000.0,
}


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes", [{"bag_player": {**TALKER, "loop": True}}], indirect=True, ids=["loop"]
)
def test_a_loop_repeats_with_its_clock_and_tells_the_jump(nodes: Any, peer: Any) -> None:
    heard: list[str] = []
    clock: list[int] = []
    values, words = ears(peer)
    peer.node.create_subscription(Clock, "/clock", lambda m: clock.append(stamp_of(m)), DEEP)
    peer.wait(lambda: peer.node.count_publishers("/clock"))
    peer.node.create_subscription(String, "/topic", lambda m: heard.append(m.data), DEEP)
    pause = peer.node.create_client(SetBool, "bag_player/pause")
    peer.wait(lambda: len(heard) > 20)
    texts = [f"Hello, world! {k}" for k in range(10)]
    assert heard[:20] == texts + texts
    jumps = [k for k in range(1, len(clock)) if clock[k] < clock[k - 1]]
    assert len(jumps) == int(peer.wait(lambda: values.get("loops"))) or len(jumps) >= 1
    # Between the messages the clock goes on, and is never beyond the recording.
    assert max(clock) - min(clock) <= 4_531_096_769
    assert len({*clock}) > 20
    assert any("time jumps back by" in word for word in peer.wait(lambda: [w for w in words if w]))
    future = pause.call_async(SetBool.Request(data=True))
    peer.wait(future.done)
    stood = peer.wait(lambda: values.get("messages"))
    values.clear()
    peer.wait(lambda: "messages" in values)
    before = values.pop("messages")
    assert int(before) >= int(stood)
    assert peer.wait(lambda: values.get("messages")) == before == str(len(heard))


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes",
    [{"bag_player": {**TALKER, "start": 2.2, "end": True}}],
    indirect=True,
    ids=["start"],
)
def test_it_starts_farther_on_and_ends_behind_the_last(
    nodes: Any, peer: Any, launch_context: Any
) -> None:
    heard: list[str] = []
    peer.node.create_subscription(String, "/topic", lambda m: heard.append(m.data), DEEP)
    peer.wait(lambda: heard and heard[-1] == "Hello, world! 9")
    assert heard == [f"Hello, world! {k}" for k in range(10 - len(heard), 10)]
    assert 2 <= len(heard) <= 6
    assert wait_for_exit_sync(launch_context, nodes["bag_player"], timeout=15)
    assert nodes["bag_player"].return_code == 0


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@launch_pytest.fixture
def launched_with_cache(cache: Path, description: Any, ros_domain: int) -> Any:
    return description


CDR = {"file": str(DATA / "cdr_test"), "readers": 1}


@pytest.mark.launch(fixture=launched_with_cache)
@pytest.mark.parametrize("nodes", [{"bag_player": CDR}], indirect=True, ids=["built"])
def test_types_that_nobody_installed_are_built_from_the_bag(
    cache: Path, nodes: Any, peer: Any
) -> None:
    latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    for name in ("/test_topic", "/array_topic"):
        peer.wait(lambda n=name: peer.node.count_publishers(n), timeout=300.0)
    kinds = {name: types for name, types in peer.node.get_topic_names_and_types()}
    assert kinds["/test_topic"] == ["test_msgs/msg/BasicTypes"]
    assert kinds["/array_topic"] == ["test_msgs/msg/Arrays"]

    # The test's own process can read them with what the player built.
    from spikeloop.bags.building import load
    from spikeloop.nodes.messages import message_class

    prefix = next((cache / "spikeloop" / "messages").glob("*/install"))
    load(prefix, ["test_msgs"])
    heard: list[Any] = []
    kind = message_class("test_msgs/msg/BasicTypes")
    peer.node.create_subscription(kind, "/test_topic", heard.append, latched)
    peer.wait(lambda: len(heard) == 3)
    assert [m.int32_value for m in heard] == [123, 123, 123]


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes", [{"bag_player": {**CDR, "build": False}}], indirect=True, ids=["not built"]
)
def test_types_that_are_not_to_be_built_are_named_with_what_mends_it(
    nodes: Any, launch_context: Any
) -> None:
    player = nodes["bag_player"]
    assert wait_for_exit_sync(launch_context, player, timeout=15)
    assert player.return_code == 1
    said = player.get_stderr()
    assert "/test_topic isn't played: its type test_msgs/msg/BasicTypes isn't installed" in said
    assert "apt install ros-$ROS_DISTRO-test-msgs" in said
    assert "no topic of it can be played" in said


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes",
    [{"bag_player": {"file": str(DATA / "talker"), "topics": ["/topik"]}}],
    indirect=True,
    ids=["wrong topic"],
)
def test_a_wrong_topic_names_the_nearest(nodes: Any, launch_context: Any) -> None:
    player = nodes["bag_player"]
    assert wait_for_exit_sync(launch_context, player, timeout=15)
    assert player.return_code == 1
    assert "has no topic '/topik' (did you mean '/topic'?)" in player.get_stderr()


ROS1 = DATA.parent / "imu_odom_jackal" / "test2.bag"


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes",
    [{"bag_player": {"file": str(ROS1), "readers": 1, "rate": 100.0}}],
    indirect=True,
    ids=["ros1"],
)
def test_a_ros_1_bag_comes_with_its_stamps(nodes: Any, peer: Any) -> None:
    stamps: list[int] = []
    sums = [0.0, 0.0]

    def take(message: Imu) -> None:
        stamps.append(stamp_of(message))
        sums[0] += message.linear_acceleration.z
        sums[1] += message.angular_velocity.z

    peer.node.create_subscription(Imu, "/imu/data", take, DEEP)
    peer.wait(lambda: len(stamps) == 3061, timeout=40.0)
    assert (stamps[0], stamps[-1]) == (47_580_000_000, 108_780_000_000)
    assert round(sums[0] / 3061, 6) == 9.750616
    assert round(sums[1] / 3061, 6) == 0.078439
    assert stamps == sorted(stamps)


def empty_bags(folder: Path) -> None:
    """Bags without a message: one that is whole, and one that was cut in its first."""
    for name in ("empty", "cut"):
        with (folder / f"{name}.mcap").open("wb") as file:
            writer = Writer(file, use_chunking=False)
            writer.start("ros2")
            kind = writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data")
            channel = writer.register_channel("/topic", "cdr", kind)
            if name == "cut":
                writer.add_message(channel, 1000, bytes(500), 1000)
            else:
                writer.finish()
    with (folder / "cut.mcap").open("r+b") as file:
        file.truncate(os.path.getsize(folder / "cut.mcap") - 100)


@launch_pytest.fixture
def launched_beside(working_folder: Path, description: Any, ros_domain: int) -> Any:
    empty_bags(working_folder)
    return description


@pytest.mark.launch(fixture=launched_beside)
@pytest.mark.parametrize(
    ("nodes", "code"),
    [({"bag_player": {"file": f"{name}.mcap", "end": True}}, k) for k, name in BARE],
    indirect=["nodes"],
    ids=[name for _, name in BARE],
)
def test_without_a_message_it_ends_too(nodes: Any, code: int, launch_context: Any) -> None:
    player = nodes["bag_player"]
    assert wait_for_exit_sync(launch_context, player, timeout=15)
    assert player.return_code == code
    assert ("breaks off after 0 messages" in player.get_stderr()) == bool(code)
