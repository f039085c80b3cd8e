"""An overloaded chain: every packet that was sent has come, or is told to be lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import launch_pytest
import numpy as np
import pytest
from event_camera_msgs.msg import EventPacket
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from spikeloop.events.array import Events
from spikeloop.events.packet_encoder import PacketEncoder
from spikeloop.events.recording import EVENT_PACKET, FIELDS
from spikeloop.launching.description import node_action
from spikeloop.loop.accounting import READERS, WRITERS
from spikeloop.loop.health import Level
from spikeloop.nodes.event_packets import LAST_PACKET, OVERDUE_S, PacketReader

PACKETS, EVENTS_EACH = 4000, 5
PLAYER = {"readers": 2, "rate": 1.0}
"""It begins once the filter reads, and the test, which does so when the chain behind is joined."""
PATIENCE_S = 180.0
"""Three processes start in a few seconds, on a machine that has time."""


def write_bag(folder: Path) -> Path:
    """More packets than the transport keeps for a reader that doesn't read, 1 ms apart."""
    store: Any = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
    kinds = store.types
    encoder = PacketEncoder(320, 240, "evt3")
    pixels, ones = np.arange(EVENTS_EACH, dtype=np.uint16), np.ones(EVENTS_EACH, np.uint8)
    with Writer(folder / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        connection = bag.add_connection("/event_camera/events", EVENT_PACKET, typestore=store)
        for k in range(PACKETS):
            t = 1000 * k + np.arange(EVENTS_EACH)
            events = Events(t, pixels, pixels, ones, 320, 240)
            stamp = kinds["builtin_interfaces/msg/Time"](*divmod(1_000_000 * (k + 1), 10**9))
            message = kinds[EVENT_PACKET](
                header=kinds["std_msgs/msg/Header"](stamp=stamp, frame_id="eye"),
                height=240, width=320, seq=k, time_base=0, encoding="evt3", is_bigendian=False,
                events=encoder.encode(events).data,
            )  # fmt: skip
            raw = store.serialize_cdr(message, EVENT_PACKET)
            bag.write(connection, 1_000_000 * (k + 1), raw)
    return folder / "bag"


@pytest.fixture
def nodes(tmp_path: Path) -> dict[str, Any]:
    parameters: dict[str, dict[str, Any]] = {
        "event_slicer": {"source": "filtered"},
        "event_filter": {"filters": ["refractory"], "refractory_period": 1e-6},
        "event_player": {**PLAYER, "file": str(write_bag(tmp_path))},
    }
    return {n: node_action(n, [p], cached_output=True) for n, p in parameters.items()}


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


@pytest.mark.launch(fixture=launched)
def test_a_stage_that_stood_still_tells_each_packet_that_it_missed(nodes: Any, peer: Any) -> None:
    names = ("event_player", "event_filter", "event_slicer")
    told = {name: peer.diagnostics(name) for name in names}

    def count(node: str, key: str) -> int:
        return int(told[node].get(key, "0"))

    joined = [("event_filter", READERS), ("event_slicer", WRITERS)]
    peer.wait(
        lambda: all(count(node, key + "event_camera/filtered") for node, key in joined),
        timeout=PATIENCE_S,
    )
    peer.node.create_subscription(EventPacket, "event_camera/events", lambda _: None, 1)
    last = f"{LAST_PACKET}/event_camera/events"
    peer.wait(lambda: count("event_filter", "packets") > 0, timeout=PATIENCE_S)
    process = nodes["event_filter"].process_details["pid"]
    os.kill(process, signal.SIGSTOP)
    try:
        peer.wait(lambda: count("event_player", last) == PACKETS - 1, timeout=PATIENCE_S)
    finally:
        os.kill(process, signal.SIGCONT)

    def accounted(node: str) -> int:
        return sum(count(node, key) for key in ("packets", "lost packets", "bad packets"))

    peer.wait(lambda: accounted("event_filter") == PACKETS, timeout=PATIENCE_S)
    came, lost = count("event_filter", "packets"), count("event_filter", "lost packets")
    assert lost > 0 and came + lost == PACKETS == count("event_player", "packets")
    assert count("event_filter", "events in") == EVENTS_EACH * came
    warned = "count event_camera/events: packets lost, by their numbers:  so far"
    assert count("event_filter", warned) > 0
    # The stage behind misses nothing of what the filter sent.
    peer.wait(lambda: accounted("event_slicer") == came, timeout=PATIENCE_S)
    assert count("event_slicer", "lost packets") == 0
    assert count("event_slicer", "events in") == count("event_filter", "events out")


class Notes:
    """A diagnoser's ears."""

    def __init__(self) -> None:
        self.said: list[tuple[Level, str]] = []

    def report(self, level: Level, text: str) -> None:
        self.said.append((level, text))


def packet(seq: int) -> EventPacket:
    return EventPacket(width=8, height=8, seq=seq, encoding="mono")


def test_what_is_missing_at_the_end_is_told_by_what_the_sender_says() -> None:
    notes: Any = Notes()
    reader = PacketReader("event_camera/events", notes)
    reader.expect(9, 0.0)
    reader.expect(9, 100.0)
    assert reader.lost == 0  # it came late to the stream
    for seq in (0, 1, 4):
        reader.read(packet(seq))
    assert reader.lost == 2
    notes.said.clear()
    reader.expect(7, 200.0)
    reader.expect(7, 200.0 + 0.9 * OVERDUE_S)
    assert reader.lost == 2 and not notes.said
    reader.expect(7, 200.0 + OVERDUE_S)
    reader.expect(7, 200.0 + 2 * OVERDUE_S)
    assert reader.lost == 5
    text = "event_camera/events: packets lost, that their sender has sent: 5 so far"
    assert notes.said == [(Level.WARN, text)]
    # Some come after all, and the next one shows what doesn't.
    reader.read(packet(6))
    assert reader.lost == 3
    reader.expect(7, 300.0)
    reader.read(packet(7))
    reader.expect(7, 400.0)
    assert reader.lost == 3 and reader.packets == 5


def test_a_stream_that_began_anew_is_not_measured_by_the_old_one() -> None:
    reader = PacketReader("event_camera/events", SimpleNamespace(report=lambda *_: None))  # type: ignore[arg-type]
    for seq in (5, 6, 0):
        reader.read(packet(seq))
    reader.expect(6, 0.0)
    reader.read(packet(1))
    reader.expect(1, OVERDUE_S)
    assert (reader.lost, reader.restarts) == (0, 1)
