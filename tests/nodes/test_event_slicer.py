"""Slices over the wire: every event in exactly one, each to be read by itself, stamps at its end."""

from __future__ import annotations

import itertools
from array import array
from pathlib import Path
from typing import Any

import launch_pytest
import numpy as np
import pytest
from event_camera_msgs.msg import EventPacket
from launch_pytest.tools.process import wait_for_exit_sync
from lifecycle_msgs.srv import ChangeState

from spikeloop.events.array import Events, joined
from spikeloop.events.codecs import PacketDecoder, make_decoder
from spikeloop.events.recording import Recording
from spikeloop.events.slicing.by_area import ByArea
from spikeloop.events.slicing.by_count import ByCount
from spikeloop.events.slicing.by_time import ByTime
from spikeloop.events.slicing.slicer import Slicer
from spikeloop.loop.accounting import RECEIVED
from spikeloop.loop.lockstep import Lockstep, Timing
from spikeloop.loop.slots import EVENTS
from spikeloop.nodes.messages import qos_profile, stamp_of

DATA = Path(__file__).parents[1] / "data" / "evt3_test_events_1"
INPUT, SLICES = "event_camera/events", "event_camera/slices"
PLAYER = {"file": str(DATA), "readers": 3, "rate": 4.0}
"""It begins once the slicer reads, and the test twice, the second time when all have found it."""
SLICERS: dict[str, Slicer] = {
    "time": ByTime(33_000),
    "count": ByCount(10_000),
    "area": ByArea(640, 480, area=32, count=500),
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "time": {"method": "time", "period": 0.033},
    "count": {"method": "count", "count": 10_000, "encoding": "mono"},
    "area": {"method": "area", "area": 32, "count": 500},
}


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


def recorded() -> Events:
    decoder = PacketDecoder()
    packets = Recording(DATA).packets()
    return joined([decoder.decode(p.encoding, 640, 480, p.seq, p.data)[0] for p in packets])


def alone(message: Any) -> Events:
    """Events of a packet, read without those before it."""
    decoder = make_decoder(message.encoding, message.width, message.height)
    decoder.begin_packet(message.time_base)
    return decoder.decode(bytes(message.events))[0]


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    ("nodes", "method"),
    [({"event_slicer": PARAMETERS[m], "event_player": PLAYER}, m) for m in SLICERS],
    indirect=["nodes"],
    ids=list(SLICERS),
)
def test_slices_are_those_of_the_slicer_and_the_last_comes_with_the_end(
    nodes: Any, method: str, peer: Any
) -> None:
    slices: list[Any] = []
    stamps: list[int] = []
    told = peer.diagnostics("event_slicer")
    qos = qos_profile(EVENTS)
    create = peer.node.create_subscription
    ends = [
        create(EventPacket, SLICES, slices.append, qos),
        create(EventPacket, INPUT, lambda m: stamps.append(stamp_of(m)), qos),
    ]
    change = peer.node.create_client(ChangeState, "event_slicer/change_state")
    peer.wait(change.service_is_ready)
    peer.join("event_slicer", ends)
    create(EventPacket, INPUT, lambda _: None, 1)
    slicer, events = SLICERS[method], recorded()
    wanted = slicer.feed(events)
    peer.wait(lambda: len(slices) == len(wanted) and len(stamps) == 517)
    # The slicer itself may be a packet behind; its diagnostics say what it took.
    peer.wait(lambda: told.get(RECEIVED + INPUT) == "517")
    request = ChangeState.Request()
    request.transition.label = "deactivate"
    future = change.call_async(request)
    wanted += slicer.finish()
    peer.wait(lambda: future.done() and len(slices) == len(wanted))
    for message, each in zip(slices, wanted, strict=True):
        got = alone(message)
        assert np.array_equal(got.t, each.events.t)
        assert np.array_equal(got.x, each.events.x)
        assert np.array_equal(got.y, each.events.y)
        assert np.array_equal(got.p, each.events.p)
    stamped = [stamp_of(m) for m in slices]
    assert all(one < other for one, other in itertools.pairwise(stamped))
    # The end of a slice isn't later than the packet that completed it.
    assert all(end <= stamps[-1] for end in stamped[:-1])
    assert [m.seq for m in slices] == list(range(1, len(slices) + 1))


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes",
    [
        {
            "event_slicer": {
                "method": "count",
                "lockstep": Lockstep(1_000_000_000, 10_000_000, Timing(2)).to_json(),
            }
        }
    ],
    indirect=True,
    ids=["lockstep"],
)
def test_lockstep_takes_only_slices_of_time(nodes: Any, launch_context: Any) -> None:
    process = nodes["event_slicer"]
    assert wait_for_exit_sync(launch_context, process, timeout=15)
    assert process.return_code == 1
    assert "a slicer must cut by time each 0.02 s, not by count" in process.get_stderr()


def lockstep() -> Lockstep:
    return Lockstep(
        1_000_000_000,
        10_000_000,
        Timing(2),
        inputs={"event_camera/events": Timing(1)},
        readers={"event_camera/slices": 1},
    )


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes",
    [{"event_slicer": {"period": 0.02, "lockstep": lockstep().to_json()}}],
    indirect=True,
    ids=["ticks"],
)
def test_in_lockstep_no_packet_between_two_slices_is_missed(nodes: Any, peer: Any) -> None:
    slices: list[Any] = []
    qos = qos_profile(EVENTS)
    end = peer.node.create_subscription(EventPacket, SLICES, slices.append, qos)
    out = peer.node.create_publisher(EventPacket, INPUT, qos)
    peer.join("event_slicer", [out, end])
    for tick in range(7):
        # One event in each packet, with the tick as its column.
        word = (tick << 32).to_bytes(8, "little")
        message = EventPacket(
            width=64, height=48, encoding="mono", seq=tick + 1, events=array("B", word)
        )
        message.time_base = 10_000_000 * tick
        message.header.stamp.sec, message.header.stamp.nanosec = 1, 10_000_000 * tick
        out.publish(message)
    peer.wait(lambda: len(slices) == 4)
    assert [alone(m).x.tolist() for m in slices] == [[0], [1, 2], [3, 4], [5, 6]]
    assert [stamp_of(m) for m in slices] == [1_000_000_000 + 20_000_000 * k for k in range(4)]
