"""A real camera's recording through the topic: nothing lost, every figure exact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import launch_pytest
import pytest
from launch_pytest.tools.process import wait_for_exit_sync
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from spikeloop.msg import EventStatistics

from spikeloop.nodes.event_statistics import STATISTICS, EventStatisticsNode

DATA = Path(__file__).parents[1] / "data" / "evt3_test_events_1"
PLAYER = {"file": str(DATA), "readers": 1}


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes", [{"event_statistics": {}, "event_player": PLAYER}], indirect=True, ids=["once"]
)
def test_counts_and_sums_through_the_topic_at_recorded_pace(nodes: Any, peer: Any) -> None:
    statistics: list[Any] = []
    pictures: list[Any] = []
    peer.node.create_subscription(EventStatistics, "event_camera/statistics", statistics.append, 10)
    peer.node.create_subscription(
        Image, "event_camera/picture", pictures.append, qos_profile_sensor_data
    )
    peer.wait(lambda: statistics and statistics[-1].packets == 517)
    last = statistics[-1]
    assert (last.total_off, last.total_on) == (218_291, 125_183)
    assert (last.first_time, last.last_time) == (7_139_845, 9_218_023)
    assert last.time_sum == 2_851_601_611_994
    assert (last.x_sum, last.y_sum) == (116_731_888, 80_879_209)
    assert (last.total_rising, last.total_falling) == (2_079, 2_078)
    assert last.trigger_time_sum == 33_999_437_880
    assert (last.lost_packets, last.skipped_words) == (0, 0)
    picture = peer.wait(lambda: pictures and pictures[-1])
    assert (picture.width, picture.height, picture.encoding) == (640, 480, "rgb8")


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes",
    [{"event_statistics": {}, "event_player": {**PLAYER, "loop": True, "rate": 2.0}}],
    indirect=True,
    ids=["loop"],
)
def test_a_loop_counts_on_and_keeps_the_sensors_time(nodes: Any, peer: Any) -> None:
    statistics: list[Any] = []
    peer.node.create_subscription(EventStatistics, "event_camera/statistics", statistics.append, 10)
    peer.wait(lambda: statistics and statistics[-1].packets > 1100)
    assert statistics[-1].last_time <= 9_218_023
    assert statistics[-1].skipped_words == 0
    assert "the stream began anew" in nodes["event_statistics"].get_stderr()


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize("nodes", [{"event_player": {}}], indirect=True, ids=["no file"])
def test_player_without_a_file_says_which_parameter(nodes: Any, launch_context: Any) -> None:
    player = nodes["event_player"]
    assert wait_for_exit_sync(launch_context, player, timeout=15)
    assert player.return_code == 1
    assert "parameter 'file' names no recording" in player.get_stderr()


def test_a_late_timer_that_comes_twice_tells_once(host: Any) -> None:
    node = host(EventStatisticsNode, rate=0.1).node
    node.start()
    node._told_at -= 10.0
    for _ in range(2):
        node._on_timer()
    assert node.sent[STATISTICS] == 1
