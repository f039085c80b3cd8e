"""What holds for every node: names of errors, quiet ends, lifecycle, and the gate over the wire."""

from __future__ import annotations

import time
from array import array
from pathlib import Path
from typing import Any

import launch_pytest
import pytest
from actuator_msgs.msg import Actuators
from diagnostic_msgs.msg import DiagnosticArray
from launch_pytest.tools.process import wait_for_exit_sync
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Bool
from std_srvs.srv import SetBool

from spikeloop import nodes as nodes_package
from spikeloop.nodes.registry import UnknownNodeError, node_type, node_types

RECORDING = Path(__file__).parents[1] / "data" / "evt3_test_events_1"
NAMES = tuple(sorted(node_types()))


def test_the_registry_finds_every_file_with_a_main() -> None:
    folder = Path(nodes_package.__file__).parent
    assert (
        tuple(
            sorted(file.stem for file in folder.glob("*.py") if "\ndef main(" in file.read_text())
        )
        == NAMES
    )
    with pytest.raises(UnknownNodeError, match="did you mean 'gate'"):
        node_type("gaet")


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


def _gate(**parameters: Any) -> pytest.MarkDecorator:
    """The gate, with some parameters."""
    return pytest.mark.parametrize("nodes", [{"gate": parameters}], indirect=True, ids=["gate"])


def _call(peer: Any, kind: Any, name: str, request: Any) -> Any:
    client = peer.node.create_client(kind, name)
    peer.wait(client.service_is_ready)
    future = client.call_async(request)
    peer.wait(future.done)
    return future.result()


def _set(peer: Any, node: str, **values: Any) -> Any:
    parameters = [Parameter(k, value=v).to_parameter_msg() for k, v in values.items()]
    request = SetParametersAtomically.Request(parameters=parameters)
    name = f"{node}/set_parameters_atomically"
    return _call(peer, SetParametersAtomically, name, request).result


def _change(peer: Any, node: str, *labels: str) -> None:
    for label in labels:
        request = ChangeState.Request(transition=Transition(label=label))
        assert _call(peer, ChangeState, f"{node}/change_state", request).success


@pytest.mark.launch(fixture=launched)
@_gate(size=3)
def test_parameters_are_all_set_or_none(nodes: Any, peer: Any) -> None:
    assert _set(peer, "gate", timeout=1).successful
    refused = _set(peer, "gate", timeout=-1.0)
    assert not refused.successful and "timeout" in refused.reason
    refused = _set(peer, "gate", size=2)
    assert not refused.successful and "while the node is active" in refused.reason


@pytest.mark.launch(fixture=launched)
@_gate(size=1, autostart=False)
def test_fixed_parameters_hold_from_the_configuration_on(nodes: Any, peer: Any) -> None:
    assert _set(peer, "gate", kind="cmd_vel", size=6).successful
    _change(peer, "gate", "configure")
    refused = _set(peer, "gate", stamped=False)
    assert not refused.successful and "while the node is inactive" in refused.reason
    _change(peer, "gate", "activate")
    peer.wait(lambda: peer.node.count_publishers("cmd_vel"))
    assert peer.node.count_subscribers("cmd_vel_raw") and not peer.node.count_publishers(
        "actuators"
    )


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize("nodes", [{"pid": {"autostart": False}}], indirect=True, ids=["pid"])
def test_parameters_can_be_set_before_there_is_a_controller(nodes: Any, peer: Any) -> None:
    assert _set(peer, "pid", kp=2.0).successful
    _change(peer, "pid", "configure", "activate")
    assert _set(peer, "pid", kp=3.0).successful


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes",
    [
        {
            "bridge": {
                "mission": "blimp_altitude", "report": "/dev/null/nowhere", "start_within": 1.0
            }
        }
    ],
    indirect=True,
    ids=["bridge"],
)  # fmt: skip
def test_a_report_that_cant_be_written_hides_no_cause(nodes: Any, launch_context: Any) -> None:
    process = nodes["bridge"]
    assert wait_for_exit_sync(launch_context, process, timeout=60)
    assert process.return_code == 1
    text = process.get_stderr()
    assert "parameter 'report': /dev/null/nowhere: can't be written" in text
    assert "mission failed: after 1 s nobody" in text and "Traceback" not in text


class _Wire:
    """Both ends of the gate."""

    def __init__(self, peer: Any) -> None:
        self.got: list[tuple[float, ...]] = []
        self.peer = peer
        self.raw = peer.node.create_publisher(Actuators, "actuators_raw", 1)
        out = peer.node.create_subscription(
            Actuators, "actuators", lambda m: self.got.append(tuple(m.normalized)), 10
        )
        self.ends = [self.raw, out]

    def send(self, *values: float) -> tuple[float, ...]:
        """Send a raw command, and wait for the next one that comes out."""
        seen = len(self.got)
        message = Actuators(normalized=array("d", values))
        message.header.stamp = self.peer.node.get_clock().now().to_msg()
        self.raw.publish(message)
        self.peer.wait(lambda: len(self.got) > seen)
        return self.got[-1]


@pytest.mark.launch(fixture=launched)
@_gate(size=2, timeout=5.0)
def test_gate_passes_limits_and_never_lets_nan_through(nodes: Any, peer: Any) -> None:
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


@pytest.mark.launch(fixture=launched)
@_gate(size=1)
def test_gate_falls_silent_safe_and_says_why(nodes: Any, peer: Any) -> None:
    told: list[str] = []
    peer.node.create_subscription(
        DiagnosticArray,
        "/diagnostics",
        lambda m: told.extend(s.message for s in m.status if s.name == "/gate"),
        100,
    )
    wire = _Wire(peer)
    peer.wait(lambda: wire.raw.get_subscription_count())
    peer.wait(lambda: wire.send(0.5) == (0.5,))
    last = time.monotonic()
    peer.wait(lambda: wire.got[-1] == (0.0,))
    assert time.monotonic() - last < 0.8
    peer.wait(lambda: any("actuators_raw: silent" in text for text in told))


@pytest.mark.launch(fixture=launched)
@_gate(size=1, autostart=False)
def test_a_stop_holds_that_came_before_the_gate_was_active(nodes: Any, peer: Any) -> None:
    wire = _Wire(peer)
    _change(peer, "gate", "configure")
    assert _call(peer, SetBool, "gate/stop", SetBool.Request(data=True)).success
    names = peer.node.get_service_names_and_types_by_node
    peer.wait(lambda: "/gate/stop" in dict(names("gate", "/")))
    _change(peer, "gate", "cleanup")
    peer.wait(lambda: "/gate/stop" not in dict(names("gate", "/")))
    _change(peer, "gate", "configure", "activate")
    peer.join("gate", wire.ends)
    for _ in range(3):
        assert wire.send(0.5) == (0.0,)
    assert _call(peer, SetBool, "gate/stop", SetBool.Request(data=False)).success
    peer.wait(lambda: wire.send(0.5) == (0.5,))


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes",
    [{"event_player": {"file": str(RECORDING), "autostart": False}}],
    indirect=True,
    ids=["player"],
)
def test_a_service_of_an_active_node_is_refused_before(nodes: Any, peer: Any) -> None:
    _change(peer, "event_player", "configure")
    answer = _call(peer, SetBool, "event_player/pause", SetBool.Request(data=True))
    assert (answer.success, answer.message) == (False, "the node is inactive, not active")
    _change(peer, "event_player", "activate")
    assert _call(peer, SetBool, "event_player/pause", SetBool.Request(data=True)).success
    _change(peer, "event_player", "shutdown")


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes", [{"bag_player": {"autostart": False}}], indirect=True, ids=["unconfigured"]
)
def test_a_node_that_was_never_configured_is_shut_down(nodes: Any, peer: Any) -> None:
    _change(peer, "bag_player", "shutdown")
    state = _call(peer, GetState, "bag_player/get_state", GetState.Request()).current_state
    assert state.label == "finalized"


@pytest.mark.launch(fixture=launched)
@_gate(size=1)
def test_qos_that_doesnt_match_is_told_with_both_ends(nodes: Any, peer: Any) -> None:
    peer.node.create_publisher(
        Actuators,
        "actuators_raw",
        QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
    )
    gate = nodes["gate"]
    peer.wait(lambda: "/gate and /peer don't match: reliability" in gate.get_stderr())


@pytest.mark.launch(fixture=launched)
@_gate(size=1)
def test_a_type_that_differs_is_told(nodes: Any, peer: Any) -> None:
    peer.node.create_publisher(Bool, "actuators_raw", 1)
    gate = nodes["gate"]
    peer.wait(lambda: "/peer has type std_msgs/msg/Bool" in gate.get_stderr())
