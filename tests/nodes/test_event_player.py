"""Pause over the wire: nothing goes out meanwhile, and afterwards it goes on where it stood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import launch_pytest
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from event_camera_msgs.msg import EventPacket
from std_srvs.srv import SetBool

from spikeloop.loop.slots import EVENTS
from spikeloop.nodes.messages import qos_profile

DATA = Path(__file__).parents[1] / "data" / "evt3_test_events_1"
PLAYER = {"file": str(DATA), "readers": 1, "rate": 4.0}


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize("nodes", [{"event_player": PLAYER}], indirect=True, ids=["paused"])
def test_pause_stops_the_stream_and_loses_nothing(nodes: Any, peer: Any) -> None:
    packets: list[int] = []
    told: list[int] = []
    pause = peer.node.create_client(SetBool, "event_player/pause")
    peer.wait(pause.service_is_ready)
    peer.node.create_subscription(
        EventPacket, "event_camera/events", lambda m: packets.append(m.seq), qos_profile(EVENTS)
    )

    def hear(message: DiagnosticArray) -> None:
        for status in message.status:
            values = {pair.key: pair.value for pair in status.values}
            if status.name == "/event_player" and "packets" in values:
                told.append(int(values["packets"]))

    peer.node.create_subscription(DiagnosticArray, "/diagnostics", hear, 100)

    def ask(data: bool) -> str:
        future = pause.call_async(SetBool.Request(data=data))
        peer.wait(future.done)
        return str(future.result().message)

    peer.wait(lambda: packets)
    assert ask(True) == "paused"
    # What it says it has sent is what has come, once all are taken; later it says the same.
    told.clear()
    peer.wait(lambda: told and told[-1] == len(packets))
    stood = len(packets)
    told.clear()
    peer.wait(lambda: told)
    assert told[-1] == len(packets) == stood < 517
    assert ask(False) == "playing"
    peer.wait(lambda: len(packets) == 517)
    assert packets == list(range(packets[0], packets[0] + 517))
