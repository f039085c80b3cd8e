"""Faults planted into the separate processes: the base gets safe, the cause is named, all ends."""

from __future__ import annotations

import signal
import time
from typing import Any

import psutil
import pytest

NODES = ("pid", "gate", "monitor", "bridge")
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
    children = _children(mission)
    mission.child(node).send_signal(number)
    struck = time.monotonic()
    assert _ended_within(mission, 6.0, struck) == 1
    assert not mission.report["success"]
    assert node in mission.output
    assert not any(child.is_running() for child in children)


@pytest.mark.parametrize("number", SIGNALS)
def test_wall_clock_base_is_safe_soon_after_the_gate_is_struck(fly: Any, number: int) -> None:
    mission = fly("blimp_altitude", "--realtime", "--duration", "30")
    mission.wait_for_line("the first command came")
    children = _children(mission)
    mission.child("gate").send_signal(number)
    struck = time.monotonic()
    # Half a second is the base's time-out; the rest is a line's way to this process.
    assert mission.wait_for_line("base: safe command") - struck < 0.8
    assert _ended_within(mission, 6.0, struck) == 1
    assert "gate" in mission.report["failure"]
    assert not any(child.is_running() for child in children)


@pytest.mark.parametrize("number", (signal.SIGKILL, signal.SIGSTOP))
def test_wall_clock_gate_is_safe_soon_after_the_controller_is_struck(fly: Any, number: int) -> None:
    mission = fly("blimp_altitude", "--realtime", "--duration", "30")
    mission.wait_for_line("the first command came")
    children = _children(mission)
    mission.child("pid").send_signal(number)
    struck = time.monotonic()
    assert mission.wait_for_line("safe command") - struck < 0.8
    assert _ended_within(mission, 6.5, struck) == 1
    assert not any(child.is_running() for child in children)


@pytest.mark.parametrize("kind", ("nan", "inf", "frozen"))
def test_lockstep_bad_altitude_is_named_and_never_commands(fly: Any, kind: str) -> None:
    mission = fly("blimp_altitude", "--duration", "12", "--fault", f"altitude:{kind}@5+3")
    mission.end()
    report = mission.report
    assert not report["success"]
    assert report["safety_stops"] and 5.0 <= report["safety_stops"][0][0] <= 5.5
    inside = [
        c
        for t, c in zip(report["series"]["time"], report["series"]["commands"], strict=True)
        if 5.6 <= t < 8.0
    ]
    assert inside and all(command == [0.0, 0.0, 0.0] for command in inside)
    assert "altitude: " in mission.output
    after = [
        c
        for t, c in zip(report["series"]["time"], report["series"]["commands"], strict=True)
        if t > 9.0
    ]
    assert any(command[0] != 0.0 for command in after)


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
