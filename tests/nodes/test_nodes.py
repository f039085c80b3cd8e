"""What holds for every node: names of errors, quiet ends, lifecycle, and the gate over the wire."""

from __future__ import annotations

import signal
import time
from array import array
from typing import Any

import pytest
from actuator_msgs.msg import Actuators
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Bool

from spikeloop.nodes.registry import UnknownNodeError, node_type, node_types

NAMES = ("bridge", "echo", "event_player", "event_statistics", "gate", "monitor", "pid", "recorder")


def test_the_registry_finds_every_node() -> None:
    assert tuple(sorted(node_types())) == NAMES
    with pytest.raises(UnknownNodeError, match="did you mean 'gate'"):
        node_type("gaet")


@pytest.mark.parametrize("name", NAMES)
def test_unknown_parameter_names_the_nearest(start: Any, name: str) -> None:
    process = start(name, "autostrat:=true")
    assert process.wait(timeout=15) == 2
    text = process.log.read_text()
    assert f"node '{name}': unknown parameter 'autostrat' (did you mean 'autostart'?)" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM))
def test_a_signal_ends_it_quietly(start: Any, peer: Any, name: str, number: int) -> None:
    process = start(name, "autostart:=false")
    peer.wait(lambda: name in peer.node.get_node_names())
    process.send_signal(number)
    sent = time.monotonic()
    assert process.wait(timeout=10) == 0
    assert time.monotonic() - sent < 1.5
    assert "Traceback" not in process.log.read_text()


def _call(peer: Any, kind: Any, name: str, request: Any) -> Any:
    client = peer.node.create_client(kind, name)
    peer.wait(client.service_is_ready)
    future = client.call_async(request)
    peer.wait(future.done)
    return future.result()


def test_a_forbidden_transition_is_refused_and_the_node_lives(start: Any, peer: Any) -> None:
    process = start("gate", "autostart:=false")
    activate = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_ACTIVATE))
    configure = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
    assert not _call(peer, ChangeState, "gate/change_state", activate).success
    assert _call(peer, ChangeState, "gate/change_state", configure).success
    assert _call(peer, ChangeState, "gate/change_state", activate).success
    state = _call(peer, GetState, "gate/get_state", GetState.Request())
    assert state.current_state.label == "active"
    assert process.poll() is None
    assert "transition 'activate' is not allowed" in process.log.read_text()


def test_parameters_are_all_set_or_none(start: Any, peer: Any) -> None:
    start("gate", "size:=3")

    def set_to(**values: Any) -> list[Any]:
        parameters = [Parameter(k, value=v).to_parameter_msg() for k, v in values.items()]
        request = SetParameters.Request(parameters=parameters)
        results: list[Any] = _call(peer, SetParameters, "gate/set_parameters", request).results
        return results

    assert set_to(timeout=1)[0].successful
    refused = set_to(timeout=-1.0)[0]
    assert not refused.successful and "timeout" in refused.reason
    refused = set_to(size=2)[0]
    assert not refused.successful and "while the node is active" in refused.reason


class _Wire:
    """Both ends of the gate."""

    def __init__(self, peer: Any) -> None:
        self.got: list[tuple[float, ...]] = []
        self.peer = peer
        self.raw = peer.node.create_publisher(Actuators, "actuators_raw", 1)
        self.stop = peer.node.create_publisher(Bool, "stop", QoSProfile(depth=1))
        peer.node.create_subscription(
            Actuators, "actuators", lambda m: self.got.append(tuple(m.normalized)), 10
        )

    def send(self, *values: float) -> tuple[float, ...]:
        """Send a raw command, and wait for the next one that comes out."""
        seen = len(self.got)
        message = Actuators(normalized=array("d", values))
        message.header.stamp = self.peer.node.get_clock().now().to_msg()
        self.raw.publish(message)
        self.peer.wait(lambda: len(self.got) > seen)
        return self.got[-1]


def test_gate_passes_limits_and_never_lets_nan_through(start: Any, peer: Any) -> None:
    start("gate", "size:=2", "timeout:=5.0")
    wire = _Wire(peer)
    peer.wait(lambda: wire.raw.get_subscription_count() and wire.got)
    assert wire.got[0] == (0.0, 0.0)
    peer.wait(lambda: wire.send(0.5, -0.25) == (0.5, -0.25))
    peer.wait(lambda: wire.send(7.0, -7.0) == (1.0, -1.0))
    for _ in range(20):
        wire.send(float("nan"), 0.5)
        wire.send(0.5, float("inf"))
    assert all(v == v and abs(v) <= 1.0 for values in wire.got for v in values)
    peer.wait(lambda: wire.send(float("nan"), 0.5) == (0.0, 0.0))


def test_gate_falls_silent_safe_and_says_why(start: Any, peer: Any) -> None:
    told: list[str] = []
    peer.node.create_subscription(
        DiagnosticArray,
        "/diagnostics",
        lambda m: told.extend(s.message for s in m.status if s.name == "/gate"),
        100,
    )
    start("gate", "size:=1")
    wire = _Wire(peer)
    peer.wait(lambda: wire.raw.get_subscription_count())
    peer.wait(lambda: wire.send(0.5) == (0.5,))
    last = time.monotonic()
    peer.wait(lambda: wire.got[-1] == (0.0,))
    assert time.monotonic() - last < 0.8
    peer.wait(lambda: any("actuators_raw: silent" in text for text in told))


def test_qos_that_doesnt_match_is_told_with_both_ends(start: Any, peer: Any) -> None:
    process = start("gate", "size:=1")
    peer.node.create_publisher(
        Actuators,
        "actuators_raw",
        QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
    )
    peer.wait(lambda: "don't match: reliability" in process.log.read_text())
    text = process.log.read_text()
    assert "/gate and /peer" in text


def test_a_type_that_differs_is_told(start: Any, peer: Any) -> None:
    process = start("gate", "size:=1")
    peer.node.create_publisher(Bool, "actuators_raw", 1)
    peer.wait(lambda: "/peer has type std_msgs/msg/Bool" in process.log.read_text())
