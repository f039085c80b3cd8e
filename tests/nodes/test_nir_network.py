"""Networks of others over the wire: spikes at their known steps, events to detections, bad files."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import launch_pytest
import numpy as np
import pytest
from event_camera_msgs.msg import EventPacket
from launch_pytest.tools.process import wait_for_exit_sync
from spikeloop.msg import LoopCost, Observation, SpikeRecord
from vision_msgs.msg import Detection2DArray

from spikeloop.events.array import Events
from spikeloop.events.event_array import mono_packets
from spikeloop.events.representations.histogram import histogram
from spikeloop.loop.slots import EVENTS, TOPICS
from spikeloop.nodes.messages import qos_profile
from spikeloop.snn.interchange.streaming import NirStream

FILES = Path(__file__).parents[1] / "data" / "nir"
LIF = {
    "file": str(FILES / "lif_norse.nir"),
    "dt": 1e-4,
    "topics": ["observation"],
    "fresh_within": 0.0,
    "frozen_after": 0.0,
    "offset": [1.0],
    "scale": [0.5],
}
BURST = 5
"""Messages in a row, as many as the node keeps of this topic."""
CNN = {
    "file": str(FILES / "cnn_sinabs.nir"),
    "dt": 1.0,
    "resets": "soft",
    "slot": "detection",
    "output": "detections",
    "topics": ["event_camera/events"],
    "downsample": 2,
    "threshold": 0.0,
    "fresh_within": 0.0,
    "frozen_after": 0.0,
}


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


def _nodes(*every: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("nodes", [{"nir_network": p} for p in every], indirect=True)


@pytest.mark.launch(fixture=launched)
@_nodes(LIF, LIF | {"engine": True})
def test_the_lif_fires_through_topics_when_every_simulator_says(nodes: Any, peer: Any) -> None:
    x = np.loadtxt(FILES / "lif_norse.csv", delimiter=",")[:515, 0]
    records: list[Any] = []
    costs: list[Any] = []
    hearing = [
        peer.node.create_subscription(SpikeRecord, "loop/spikes", records.append, 100),
        peer.node.create_subscription(LoopCost, "loop/cost", costs.append, 100),
    ]
    out = peer.node.create_publisher(Observation, "observation", BURST)
    peer.join("nir_network", [out, *hearing])
    for first in range(0, len(x), BURST):
        for value in x[first : first + BURST]:
            message = Observation(values=[float(2 * value + 1)])
            message.header.stamp = peer.node.get_clock().now().to_msg()
            out.publish(message)
        peer.wait(lambda seen=first: min(len(records), len(costs)) >= seen + BURST)
    assert [k for k, record in enumerate(records) if len(record.fired)] == [460, 510]
    assert [k for k, cost in enumerate(costs) if cost.spikes] == [460, 510]
    assert costs[-1].node == records[-1].node == "/nir_network"


def _some(seed: int) -> Events:
    rng, n = np.random.default_rng(seed), 3000
    t = np.sort(rng.integers(0, 10_000, n)).astype(np.int64) + 10_000 * seed
    x, y = rng.integers(0, 70, (2, n)).astype(np.uint16)
    return Events(t, x, y, rng.integers(0, 2, n).astype(np.uint8), 70, 70)


@pytest.mark.launch(fixture=launched)
@_nodes(CNN)
def test_events_give_the_detections_of_the_network_alone(nodes: Any, peer: Any) -> None:
    found: list[Any] = []
    name = "perception/detections"
    hearing = peer.node.create_subscription(
        Detection2DArray, name, found.append, qos_profile(TOPICS[name].qos)
    )
    out = peer.node.create_publisher(EventPacket, "event_camera/events", qos_profile(EVENTS))
    peer.join("nir_network", [out, hearing])
    core, classes = NirStream(CNN["file"], 1.0, "soft"), []
    for seq in range(1, 5):
        events = _some(seq)
        base, data = mono_packets(1000 * events.t, events.x, events.y, events.p)[0]
        packet = EventPacket(seq=seq, width=70, height=70, encoding="mono", time_base=base)
        packet.events = array("B", data)
        out.publish(packet)
        peer.wait(lambda seen=seq: len(found) >= seen)
        # 35x35 places of two pixels, of which the network takes 34x34.
        counts = histogram(events).reshape(2, 35, 2, 35, 2).sum((2, 4))[:, :34, :34]
        wanted = core.feed(counts).output
        result = found[-1].detections[0].results[0].hypothesis
        assert result.score == pytest.approx(float(wanted.max()))
        assert wanted[int(result.class_id)] == wanted.max()
        assert found[-1].detections[0].bbox.size_x == 70.0
        classes.append(float(wanted.sum()))
    assert max(classes) > 0


@pytest.mark.launch(fixture=launched)
@_nodes(LIF | {"output_fields": ["linear.x", "angular.z"]})
def test_a_file_that_doesnt_fit_is_named_with_its_shape(nodes: Any, launch_context: Any) -> None:
    process = nodes["nir_network"]
    assert wait_for_exit_sync(launch_context, process, timeout=60)
    assert process.return_code == 1
    text = process.get_stderr()
    assert "lif_norse.nir: its network gives an output of shape (1,)" in text
    assert "Traceback" not in text
