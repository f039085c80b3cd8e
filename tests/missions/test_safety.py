"""Faults planted into the separate processes: the base gets safe, the cause is named, all ends."""

from __future__ import annotations

import signal
import time
from typing import Any

import psutil
import pytest
from std_srvs.srv import SetBool

NODES = ("spiking_pid", "gate", "monitor", "bridge")
SIGNALS = (signal.SIGKILL, signal.SIGSTOP, signal.SIGINT)


def _ended_within(mission: Any, seconds: float, since: float) -> int:
    code: int = mission.end(timeout=seconds + 10.0)
    assert time.monotonic() - since < seconds, mission.output
    return code


def _children(mission: Any) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(mission.process.pid).children(recursive=True)
    return found


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("number", SIGNALS)
def test_lockstep_ends_as_failed_and_names_the_node(fly: Any, node: str, number: int) -> None:
    mission = fly("blimp_altitude", "--duration", "4000")
    mission.wait_for_line("begins")
    _strike(mission, node, number)


def _strike(mission: Any, node: str, number: int) -> float:
    """Strike a node, and see the mission fail in time, name it, and leave nothing behind."""
    children = _children(mission)
    mission.child(node).send_signal(number)
    struck = time.monotonic()
    assert _ended_within(mission, 5.0, struck) == 1
    assert not mission.report["success"]
    assert node in mission.report["failure"]
    assert not any(child.is_running() for child in children)
    if number == signal.SIGSTOP:
        # It goes on at the end, and ends by itself.
        assert "exit code -9" not in mission.output
    return struck


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("number", SIGNALS)
def test_wall_clock_base_is_safe_soon_and_the_node_is_named(
    fly: Any, node: str, number: int
) -> None:
    mission = fly("blimp_altitude", "--realtime", "--duration", "30")
    mission.wait_for_line("the first command came")
    struck = _strike(mission, node, number)
    # The base lives in the bridge; without the monitor commands go on until the mission ends.
    if node in ("spiking_pid", "gate"):
        # Half a second is the base's time-out; the rest is a line's way to this process.
        assert mission.wait_for_line("safe command") - struck < 0.8


def _commands(report: dict[str, Any], since: float, until: float) -> list[list[float]]:
    series = report["series"]
    pairs = zip(series["time"], series["commands"], strict=True)
    return [command for time_s, command in pairs if since <= time_s < until]


@pytest.mark.parametrize("kind", ("nan", "inf", "frozen", "stale", "silent"))
def test_wall_clock_bad_altitude_is_safe_in_half_a_second_and_recovers(fly: Any, kind: str) -> None:
    mission = fly(
        "blimp_altitude", "--realtime", "--duration", "8", "--fault", f"altitude:{kind}@3+2"
    )
    assert mission.end() == 1
    report = mission.report
    # One sample of the series more than the 0.5 s.
    inside = _commands(report, 3.6, 5.0)
    assert inside and all(command == [0.0, 0.0, 0.0] for command in inside)
    assert any(command[0] != 0.0 for command in _commands(report, 1.0, 3.0))
    assert any(command[0] != 0.0 for command in _commands(report, 6.0, 8.0))
    assert report["safety_stops"] and 3.0 <= report["safety_stops"][0][0] <= 4.5
    assert "altitude: " in mission.output


@pytest.mark.parametrize("kind", ("nan", "inf", "frozen"))
def test_lockstep_bad_altitude_is_named_and_never_commands(fly: Any, kind: str) -> None:
    mission = fly("blimp_altitude", "--duration", "12", "--fault", f"altitude:{kind}@5+3")
    mission.end()
    report = mission.report
    assert not report["success"]
    assert report["safety_stops"] and 5.0 <= report["safety_stops"][0][0] <= 5.5
    inside = _commands(report, 5.6, 8.0)
    assert inside and all(command == [0.0, 0.0, 0.0] for command in inside)
    assert "altitude: " in mission.output
    assert any(command[0] != 0.0 for command in _commands(report, 9.0, 12.0))


def test_a_stop_from_outside_fails_the_mission_and_is_named(fly: Any, peer: Any) -> None:
    mission = fly("blimp_altitude", "controller:=pid", "--duration", "200")
    mission.wait_for_line("begins")
    stop = peer.node.create_client(SetBool, "gate/stop")
    peer.wait(stop.service_is_ready)
    stop.call_async(SetBool.Request(data=True))
    peer.wait(lambda: mission.process.poll() is not None, timeout=90.0)
    assert mission.end() == 1
    assert any("stopped: by service" in reason for _, reason in mission.report["safety_stops"])
    assert mission.report["series"]["commands"][-1] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("kind", ("silent", "stale"))
def test_lockstep_missing_altitude_ends_as_failed(fly: Any, kind: str) -> None:
    mission = fly("blimp_altitude", "--duration", "12", "--fault", f"altitude:{kind}@5")
    assert mission.end() == 1
    assert "actuators" in mission.report["failure"]
    assert mission.report["series"]["time"][-1] < 5.2


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM))
def test_signal_to_the_launching_process_alone_ends_all(fly: Any, number: int) -> None:
    mission = fly("blimp_altitude", "--realtime", "--duration", "60")
    mission.wait_for_line("begins")
    children = _children(mission)
    mission.process.send_signal(number)
    _ended_within(mission, 5.0, time.monotonic())
    assert not any(child.is_running() for child in children)
    assert "Traceback" not in mission.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("blimp_altitud",), "did you mean 'blimp_altitude'?"),
        (("blimp_altitude", "controler:=pid"), "did you mean 'controller'?"),
        (("blimp_altitude", "controller:=pit"), "did you mean 'pid'?"),
        (("blimp_altitude", "controller:=gate"), "fills slot 'gate'"),
        (("blimp_altitude", "--fault", "altitude:nam@3"), "did you mean 'nan'?"),
    ],
)
def test_wrong_names_are_answered_with_the_nearest(
    fly: Any, arguments: tuple[str, ...], message: str
) -> None:
    mission = fly(*arguments)
    assert mission.end() != 0
    assert message in mission.output
    assert "Traceback" not in mission.output
