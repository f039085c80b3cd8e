"""Controllers with the gate behind them: bad inputs and pauses end in the safe command, and over."""

from __future__ import annotations

import signal
from array import array
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import launch_pytest
import numpy as np
import psutil
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image, Imu
from spikeloop.msg import Observation

from spikeloop.loop.slots import TOPICS
from spikeloop.nodes.commands import command_values
from spikeloop.nodes.messages import message_class, qos_profile, stamp_of, to_time

FRESH_NS = 300_000_000
NAN = float("nan")
Inputs = dict[str, Any]


def _observation(size: int) -> Callable[[np.random.Generator, float], Inputs]:
    def make(random: np.random.Generator, spoil: float) -> Inputs:
        return {"observation": Observation(values=array("d", random.normal(spoil, 0.1, size)))}

    return make


def _flow(random: np.random.Generator, spoil: float) -> Inputs:
    field = random.normal(0.0, 1.0, (24, 32, 2)).astype("<f4")
    flow = Image(height=24, width=32, encoding="32FC2", step=256, data=array("B", field.tobytes()))
    imu = Imu()
    imu.angular_velocity.z = float(random.normal(spoil, 0.01))
    return {"perception/flow": flow, "imu/data": imu}


def _flight(random: np.random.Generator, spoil: float) -> Inputs:
    place, odometry = PoseStamped(), Odometry()
    place.pose.position.x, place.pose.position.z = 5.0, 2.0
    odometry.pose.pose.position.x = float(random.normal(spoil, 0.01))
    odometry.pose.pose.position.z = 1.0
    return {"setpoint": place, "odom": odometry}


CASES: dict[str, tuple[str, int, Callable[[np.random.Generator, float], Inputs]]] = {
    "decision_transformer": ("actuators", 2, _observation(4)),
    "circuit": ("actuators", 2, _observation(8)),
    "flow_reflex": ("cmd_vel", 6, _flow),
    "tour_spiking_pid": ("actuators", 3, _flight),
}
"""Kind and size of the command, and what makes inputs."""


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


class _Loop:
    """Feeds a controller, hears it and the gate; the last of its inputs is the one with faults."""

    def __init__(self, peer: Any, name: str) -> None:
        kind, _, self._make = CASES[name]
        self.peer, self._random = peer, np.random.default_rng(1)
        inputs = self._make(self._random, 0.0)
        self.faulty = list(inputs)[-1]
        self._publishers = {n: self._publisher(n) for n in inputs}
        self.raw: list[Any] = []
        self.passed: list[tuple[float, ...]] = []
        self.told: list[str] = []
        self._same = inputs
        hear = peer.node.create_subscription
        command = message_class(TOPICS[kind].type)
        hear(command, f"{kind}_raw", self.raw.append, 100)
        hear(command, kind, lambda m: self.passed.append(command_values(m)), 100)
        hear(DiagnosticArray, "/diagnostics", self._hear, 100)

    def _publisher(self, name: str) -> Any:
        entry = TOPICS[name]
        qos = qos_profile(replace(entry.qos, reliable=True))
        return self.peer.node.create_publisher(message_class(entry.type), name, qos)

    def _hear(self, message: Any) -> None:
        for status in message.status:
            self.told += [status.message, *(f"{v.key} {v.value}" for v in status.values)]

    def now_ns(self) -> int:
        return int(self.peer.node.get_clock().now().nanoseconds)

    def feed(self, fault: str = "") -> None:
        """One set of inputs, of which the last has the fault."""
        if fault == "silent":
            return
        good = self._make(self._random, 0.0)
        bad = self._make(self._random, NAN) if fault == "not finite" else good
        if fault == "frozen":
            bad = self._same
        for name, publisher in self._publishers.items():
            message = bad[name] if name == self.faulty else good[name]
            old = 10 * FRESH_NS if fault == "stale" and name == self.faulty else 0
            message.header.stamp = to_time(self.now_ns() - old)
            publisher.publish(message)

    def is_safe(self) -> bool:
        return bool(self.passed) and not any(self.passed[-1])

    def has_named(self, fault: str) -> bool:
        return any(f"{self.faulty}: {fault}" in text for text in self.told)

    def commanded(self) -> list[int]:
        """Stamps in ns of the controller's messages that command something."""
        return [stamp_of(message) for message in self.raw if command_values(message)]

    def until(self, condition: Callable[[], bool], fault: str = "") -> None:
        self.peer.wait(lambda: self.feed(fault) or condition(), 40.0)

    def runs(self) -> bool:
        return bool(self.passed) and any(self.passed[-1])


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes",
    [
        {name: {"period": 0.001}, "gate": {"kind": kind, "size": size}}
        for name, (kind, size, _) in CASES.items()
    ],
    indirect=True,
    ids=list(CASES),
)
def test_faults_and_pauses_are_safe_and_named_and_over_when_they_end(nodes: Any, peer: Any) -> None:
    name = next(iter(nodes))
    loop = _Loop(peer, name)
    loop.until(loop.runs)
    for fault in ("not finite", "stale", "frozen", "silent"):
        loop.told.clear()
        # On a busy machine it may be safe before, for a pause.
        loop.until(lambda f=fault: loop.is_safe() and loop.has_named(f), fault)  # type: ignore[misc]
        safe_from = len(loop.passed)
        loop.until(lambda n=safe_from: len(loop.passed) >= n + 10, fault)  # type: ignore[misc]
        assert not any(any(command) for command in loop.passed[safe_from:]), fault
        loop.until(loop.runs)
    process = psutil.Process(nodes[name].process_details["pid"])
    process.send_signal(signal.SIGSTOP)
    peer.wait(lambda: process.status() == psutil.STATUS_STOPPED)
    stopped_ns = loop.now_ns()
    for _ in range(5):
        loop.feed()
    old_ns = loop.now_ns()
    peer.wait(lambda: loop.is_safe() and loop.now_ns() > old_ns + FRESH_NS)
    resumed_ns = loop.now_ns()
    process.send_signal(signal.SIGCONT)
    loop.until(loop.runs)
    # What the gate passes may be heard here before what it was given.
    loop.until(lambda: loop.commanded()[-1] >= resumed_ns)
    assert not [stamp for stamp in loop.commanded() if stopped_ns <= stamp <= old_ns]
