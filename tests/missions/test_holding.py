"""A mission can be held and put back to its start by services, and its result stays the same."""

from __future__ import annotations

from typing import Any

from std_srvs.srv import SetBool, Trigger

FLIGHT = ("blimp_altitude", "controller:=pid", "--seed", "3")


def _call(peer: Any, kind: Any, service: str, request: Any) -> Any:
    client = peer.node.create_client(kind, service)
    peer.wait(client.service_is_ready)
    future = client.call_async(request)
    peer.wait(future.done)
    return future.result()


def test_a_flight_that_was_held_is_the_same(fly: Any, peer: Any) -> None:
    whole = fly(*FLIGHT, "--duration", "120")
    whole.end()
    held = fly(*FLIGHT, "--duration", "120")
    held.wait_for_line("begins")
    hold = SetBool.Request(data=True)
    where = [_call(peer, SetBool, "bridge/pause", hold).message for _ in range(3)]
    assert where[0] == where[1] == where[2] and "held at tick" in where[0]
    assert _call(peer, SetBool, "bridge/pause", SetBool.Request(data=False)).success
    held.end()
    assert whole.report | {"timing": {}} == held.report | {"timing": {}}


def test_after_a_reset_the_record_begins_anew_and_is_whole(fly: Any, peer: Any) -> None:
    mission = fly(*FLIGHT, "--duration", "90")
    mission.wait_for_line("begins")
    answer = _call(peer, Trigger, "bridge/reset", Trigger.Request())
    assert answer.success and "at tick" in answer.message
    mission.end()
    assert "begins again" in mission.output
    series = mission.report["series"]
    assert series["time"][0] == 0.0 and len(series["time"]) == 900
    assert abs(series["altitude"][0] - 1.0) < 1e-6
