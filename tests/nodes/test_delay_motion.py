"""Real events through the topic: the flow and the cost are those of the core, message by message."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import launch_pytest
import numpy as np
import pytest
from event_camera_msgs.msg import EventPacket
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from spikeloop.msg import LoopCost

from spikeloop.events.array import Events, joined
from spikeloop.events.event_array import mono_packets
from spikeloop.events.files.opening import open_source
from spikeloop.loop.slots import EVENTS
from spikeloop.nodes.delay_motion import COST, FLOW
from spikeloop.nodes.messages import qos_profile
from spikeloop.perception.motion_direction.detector import load_detector
from spikeloop.perception.motion_direction.event_steps import EventSteps

DATA = Path(__file__).parents[1] / "data" / "evt3_test_events_1"
INPUT = "event_camera/events"
PARAMETERS = {"downsample": 8, "certainty": 0.2, "least": 20}


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


def parts() -> list[Events]:
    """The first 0.3 s of a real camera's recording, in packets of 20 ms."""
    chunks: list[Events] = []
    for piece, _ in open_source(DATA).pieces():
        chunks.append(piece)
        if len(piece) and piece.t[-1] > chunks[0].t[0] + 300_000:
            break
    events = joined(chunks)
    cuts = np.searchsorted(events.t, events.t[0] + 20_000 * np.arange(1, 16))
    return [events[a:b] for a, b in zip([0, *cuts[:-1]], cuts, strict=True)]


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize("nodes", [{"delay_motion": PARAMETERS}], indirect=True, ids=["real"])
def test_flow_and_cost_of_real_events_are_those_of_the_core(nodes: Any, peer: Any) -> None:
    flows: list[Any] = []
    costs: list[Any] = []
    hearing = [
        peer.node.create_subscription(Image, FLOW, flows.append, qos_profile_sensor_data),
        peer.node.create_subscription(LoopCost, COST, costs.append, 10),
    ]
    out = peer.node.create_publisher(EventPacket, INPUT, qos_profile(EVENTS))
    peer.join("delay_motion", [out, *hearing])
    detector, _ = load_detector("delay_motion_pruned")
    stream = EventSteps(detector, 640, 480, 8, 0.2, 20)
    steps: list[Any] = []
    ends: dict[int, int] = {0: 0}
    for seq, events in enumerate(parts(), 1):
        base, data = mono_packets(1000 * events.t, events.x, events.y, events.p)[0]
        packet = EventPacket(seq=seq, width=640, height=480, encoding="mono", time_base=base)
        packet.header.stamp.nanosec = int(events.t[0] - 7_000_000) * 1000
        packet.events = array("B", data)
        out.publish(packet)
        steps += stream.feed(events)
        ends[sum(step.accumulates for step in steps)] = len(steps)
    assert peer.wait(lambda: len(costs) > 2 and any(part_of(f, costs) for f in flows))
    pictures = []
    for flow in flows:
        if part := part_of(flow, costs):
            begin, end = (ends[weights] for weights in part)
            pictures.append(np.frombuffer(flow.data, "<f4").reshape(480, 640, 2))
            assert np.array_equal(pictures[-1], stream.flow(steps[begin:end]), equal_nan=True)
    assert any(np.isfinite(picture).any() for picture in pictures)


def part_of(flow: Any, costs: list[Any]) -> list[int]:
    """Weights added before the cost of a flow's stamp, and with it; the flow itself may be lost."""
    for number, cost in enumerate(costs):
        if cost.header.stamp == flow.header.stamp:
            before = sum(c.accumulates for c in costs[:number])
            return [before, before + cost.accumulates]
    return []
