"""Event files over the wire: not one event more or less, and one clock for all that a file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import launch_pytest
import numpy as np
import pytest
from event_camera_msgs.msg import EventPacket
from launch_pytest.tools.process import wait_for_exit_sync
from sensor_msgs.msg import Image, Imu
from spikeloop.msg import EventTriggers

from spikeloop.events.array import joined
from spikeloop.events.codecs import PacketDecoder
from spikeloop.loop.slots import EVENTS, IMU
from spikeloop.nodes.messages import qos_profile, stamp_of

DATA = Path(__file__).parents[1] / "data"
AEDAT = {"file": str(DATA / "aedat4_davis346" / "davis.aedat4"), "readers": 4, "now": False}
RAW = {"file": str(DATA / "peers" / "evt3.raw"), "readers": 1, "rate": 1000.0}


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


def decoded(messages: list[Any]) -> Any:
    decoder = PacketDecoder()
    return joined(
        [
            decoder.decode(
                m.encoding, m.width, m.height, m.seq, bytes(m.events), time_base=m.time_base
            )[0]
            for m in messages
        ]
    )


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize("nodes", [{"event_file_player": AEDAT}], indirect=True, ids=["aedat4"])
def test_all_of_a_davis_in_si_units_on_one_clock(nodes: Any, peer: Any) -> None:
    events: list[Any] = []
    images: list[Any] = []
    samples: list[Any] = []
    triggers: list[Any] = []
    create = peer.node.create_subscription
    hearing = [
        create(Image, "camera/image_raw", images.append, qos_profile(IMU)),
        create(Imu, "imu/data", samples.append, qos_profile(IMU)),
        create(EventTriggers, "event_camera/triggers", triggers.append, qos_profile(EVENTS)),
    ]
    peer.join("event_file_player", hearing)
    create(EventPacket, "event_camera/events", events.append, qos_profile(EVENTS))
    peer.wait(lambda: sum(len(m.events) for m in events) == 8 * 117_667)
    got = decoded(events)
    first = 1_633_953_690_975_950
    assert (int(got.t[0]), int(got.t[-1])) == (first, 1_633_953_691_105_949)
    assert int((got.t - first).sum()) == 7_327_758_848
    assert (int(got.x.sum()), int(got.y.sum())) == (17_676_033, 10_498_046)
    assert int(got.p.sum()) == 72_363
    peer.wait(lambda: len(images) == 3 and len(samples) == 130)
    assert [int(np.array(m.data).sum()) for m in images] == [4_587_151, 4_603_536, 4_618_543]
    assert [stamp_of(m) // 1000 % 1_000_000 for m in images] == [978_904, 18_904, 58_904]
    mean = np.mean([[m.linear_acceleration.x, m.linear_acceleration.y] for m in samples], axis=0)
    np.testing.assert_allclose(mean / 9.80665, (-0.060137, -0.987626), atol=1e-6)
    rate = np.degrees(np.mean([m.angular_velocity.x for m in samples]))
    np.testing.assert_allclose(rate, 5.712069, atol=1e-6)
    peer.wait(lambda: sum(len(m.time) for m in triggers) == 15)
    # One clock: the stamps of all topics lie within the recording.
    for messages in (events, images, samples, triggers):
        stamps = [stamp_of(m) for m in messages]
        assert stamps == sorted(stamps)
        assert abs(stamps[0] / 1e9 - first / 1e6) < 0.2 > abs(stamps[-1] / 1e9 - first / 1e6)


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize("nodes", [{"event_file_player": RAW}], indirect=True, ids=["raw"])
def test_a_raw_file_comes_by_sensor_time_whole(nodes: Any, peer: Any) -> None:
    events: list[Any] = []
    peer.node.create_subscription(
        EventPacket, "event_camera/events", events.append, qos_profile(EVENTS)
    )
    with np.load(DATA / "peers" / "expected.npz") as wanted:
        t = wanted["t"].astype(np.int64)
    peer.wait(lambda: events and len(decoded(events)) >= len(t))
    got = decoded(events)
    assert len(got) == len(t)
    assert np.array_equal(got.t - got.t[0], t - t[0])
    assert len(events) > 1


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes", [{"event_file_player": {"file": "/no/such.raw"}}], indirect=True, ids=["no file"]
)
def test_a_file_that_is_not_there_is_named(nodes: Any, launch_context: Any) -> None:
    player = nodes["event_file_player"]
    assert wait_for_exit_sync(launch_context, player, timeout=15)
    assert player.return_code == 1
    assert "/no/such.raw: no such file" in player.get_stderr()


@launch_pytest.fixture
def launched_beside(working_folder: Path, description: Any, ros_domain: int) -> Any:
    """Beside three events before time 0, and two behind it, in other packets."""
    lines = [f"{t:.6f} 1 2 1\n" for t in (-0.020, -0.019, -0.010, 0.010, 0.020)]
    (working_folder / "early.txt").write_text("8 8\n" + "".join(lines))
    return description


@pytest.mark.launch(fixture=launched_beside)
@pytest.mark.parametrize(
    "nodes",
    [{"event_file_player": {"file": "early.txt", "readers": 1}}],
    indirect=True,
    ids=["early"],
)
def test_times_below_0_are_left_out_and_counted(nodes: Any, peer: Any) -> None:
    told = peer.diagnostics("event_file_player")
    events: list[Any] = []
    peer.node.create_subscription(
        EventPacket, "event_camera/events", events.append, qos_profile(EVENTS)
    )
    peer.wait(lambda: told.get("events out") == "2")
    assert told["events left out"] == "3"
    assert any("early.txt:  events left out" in key for key in told)
    peer.wait(lambda: events)
    assert decoded(events[-1:]).t.tolist() == [20_000]
