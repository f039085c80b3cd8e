"""The driver without hardware: a camera that is pulled and put in again, or isn't there at all."""

from __future__ import annotations

import contextlib
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import launch_pytest
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from event_camera_msgs.msg import EventPacket
from sensor_msgs.msg import Imu
from spikeloop.msg import EventTriggers

from spikeloop.events.array import Events, Triggers
from spikeloop.loop.slots import EVENTS, IMU
from spikeloop.nodes import event_camera_driver
from spikeloop.nodes.camera_source import CameraPiece
from spikeloop.nodes.event_camera_driver import (
    EventCameraDriverConfig,
    EventCameraDriverNode,
    thinned,
)
from spikeloop.nodes.messages import qos_profile

# A stand-in for the library, with its names and types: each connection gives 50 packets of 100
# events, then the cable is pulled.
LIBRARY = """
    import dataclasses, time, types
    import numpy as np

    @dataclasses.dataclass
    class Biases:
        diff_on: int = 0

    @dataclasses.dataclass
    class Configuration:
        biases: Biases = dataclasses.field(default_factory=Biases)

    prophesee_evk4 = types.SimpleNamespace(Configuration=Configuration)
    name = types.SimpleNamespace(name="PROPHESEE_EVK4", value="Prophesee EVK4")
    opened = []

    def list_devices():
        return [types.SimpleNamespace(name=name, serial="0042", error=None)]

    def open(configuration, iterator_timeout, serial):
        assert configuration is None or configuration.biases.diff_on == 20
        return Device()

    class Device:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return False

        def close(self):
            pass

        def name(self):
            return name

        def serial(self):
            return "0042"

        def properties(self):
            return types.SimpleNamespace(width=1280, height=720)

        def __iter__(self):
            for k in range(50):
                time.sleep(0.004)
                events = np.zeros(
                    100, [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("on", "?")]
                )
                events["t"] = 4000 * k + 40 * np.arange(100)
                events["x"], events["y"] = np.arange(100), 7
                triggers = np.zeros(1, [("t", "<u8"), ("id", "u1"), ("rising", "?")])
                samples = np.zeros(1, [("t", "<u8"), *((f"{s}_{a}", "<f4") for s in (
                    "accelerometer", "gyroscope") for a in "xyz")])
                samples["t"], samples["accelerometer_z"] = 4000 * k, 9.5
                packet = types.SimpleNamespace(
                    polarity_events=events, trigger_events=triggers, imu_events=samples
                )
                ring = types.SimpleNamespace(dropped_packets=3 if k > 40 else 0)
                yield types.SimpleNamespace(ring=ring), packet
            raise RuntimeError("device disconnected")
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "neuromorphic_drivers.py").write_text(textwrap.dedent(LIBRARY))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.fixture
def no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def list_devices():\n    return []\n"
    (tmp_path / "neuromorphic_drivers.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@launch_pytest.fixture
def launched(library: None, description: Any, ros_domain: int) -> Any:
    return description


@launch_pytest.fixture
def launched_alone(no_library: None, description: Any, ros_domain: int) -> Any:
    return description


class Ears:
    def __init__(self, peer: Any) -> None:
        self.values: dict[str, str] = {}
        peer.node.create_subscription(DiagnosticArray, "/diagnostics", self._hear, 100)

    def _hear(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == "/event_camera_driver":
                self.values = {pair.key: pair.value for pair in status.values}


SETTINGS = {
    "biases": ["diff_on=20"],
    "region_columns": 50,
    "region_rows": 720,
    "rate_limit": 2000.0,
}


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize("nodes", [{"event_camera_driver": SETTINGS}], indirect=True, ids=["evk4"])
def test_a_pulled_cable_is_told_and_what_is_thinned_is_counted(nodes: Any, peer: Any) -> None:
    ears = Ears(peer)
    packets: list[Any] = []
    samples: list[Any] = []
    triggers: list[Any] = []
    create = peer.node.create_subscription
    create(EventPacket, "event_camera/events", packets.append, qos_profile(EVENTS))
    create(EventTriggers, "event_camera/triggers", triggers.append, qos_profile(EVENTS))
    create(Imu, "imu/data", samples.append, qos_profile(IMU))
    peer.wait(lambda: int(ears.values.get("connections", "0")) >= 2)
    peer.wait(lambda: packets and samples and triggers)
    assert (packets[0].width, packets[0].height, packets[0].encoding) == (1280, 720, "evt3")
    assert samples[0].linear_acceleration.z == 9.5
    values = peer.wait(lambda: ears.values if int(ears.values["USB packets lost"]) >= 3 else None)
    read, out = int(values["events read"]), int(values["events out"])
    filtered, over = int(values["events filtered"]), int(values["events over the rate limit"])
    # Every event that was read is in one of the figures.
    assert out + over + filtered == read
    assert over > 0 and out > 0 and filtered > 0
    assert any("the camera is lost: device disconnected" in key for key in values)


@pytest.mark.launch(fixture=launched_alone)
@pytest.mark.parametrize("nodes", [{"event_camera_driver": {}}], indirect=True, ids=["none"])
def test_without_a_camera_it_stays_and_says_how_to_play_a_file(nodes: Any, peer: Any) -> None:
    ears = Ears(peer)
    peer.wait(lambda: any("no event camera is connected" in key for key in ears.values))
    assert any("node:=event_file_player" in key for key in ears.values)
    assert ears.values["state"] == "active"


def test_thinning_is_even_and_keeps_the_order() -> None:
    t = np.arange(1000, dtype=np.int64)
    events = Events(
        t, t.astype(np.uint16), t.astype(np.uint16), (t % 2).astype(np.uint8), 2000, 2000
    )
    kept = thinned(events, 250)
    assert kept.t.tolist() == list(range(0, 1000, 4))
    assert thinned(events, 1000) is events
    assert len(thinned(events, 0)) == 0


@pytest.mark.parametrize("pair", ["diff_on", "diff_on=", "=3", "diff_on=2.5"])
def test_a_bias_that_is_no_pair_is_refused(pair: str) -> None:
    with pytest.raises(ValueError, match="must be like diff_on=20"):
        EventCameraDriverConfig(biases=(pair,))


class SlowCamera:
    """A camera that opens when it is let, and sends single events without end."""

    def __init__(self, name: str) -> None:
        self.name, self.asked, self.let = name, threading.Event(), threading.Event()

    @contextlib.contextmanager
    def open(self) -> Iterator[SlowCamera]:
        self.asked.set()
        assert self.let.wait(60.0)
        yield self

    def pieces(self) -> Iterator[CameraPiece]:
        one = np.ones(1, np.uint16)
        while True:
            time.sleep(0.001)
            event = Events(np.ones(1, np.int64), one, one, one.astype(np.uint8), 8, 8)
            yield CameraPiece(event, Triggers.none())


def test_a_camera_that_opens_too_late_is_let_go_again(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    early, late = SlowCamera("early"), SlowCamera("late")
    waiting = iter((early, late))
    monkeypatch.setattr(event_camera_driver, "find_camera", lambda *_: next(waiting).open())
    hosted = host(EventCameraDriverNode)
    hosted.change("configure", "activate")
    old = hosted.node._thread
    hosted.wait(early.asked.is_set)
    hosted.change("deactivate", "activate")
    late.let.set()
    hosted.wait(lambda: hosted.node.read)
    early.let.set()
    hosted.wait(lambda: not old.is_alive())
    assert hosted.node.connections == 1
    hosted.change("deactivate")
