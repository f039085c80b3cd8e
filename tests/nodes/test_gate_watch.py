"""What counts as a safety stop: safe commands of the gate since one has looked at it."""

from __future__ import annotations

from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from spikeloop.loop.slots import topic
from spikeloop.nodes.accounting import GateWatch
from spikeloop.nodes.listening import Listener
from spikeloop.nodes.messages import qos_profile


def test_safe_commands_from_before_are_no_news_and_later_ones_are(peer: Any) -> None:
    listener = Listener(peer.node, ("/gate",), 60.0)
    watch = GateWatch(listener, "/gate")
    out = peer.node.create_publisher(
        DiagnosticArray, "/diagnostics", qos_profile(topic("/diagnostics").qos)
    )
    peer.wait(out.get_subscription_count)

    def news_of(count: int, text: str) -> str:
        values = [KeyValue(key="safe_commands", value=str(count))]
        status = DiagnosticStatus(name="/gate", message=text, values=values)
        out.publish(DiagnosticArray(status=[status]))
        peer.wait(lambda: listener.values("/gate").get("safe_commands") == str(count))
        return watch.news()

    assert watch.news() == ""
    assert news_of(7, "safe command: from the mission before") == ""
    assert (
        news_of(8, "safe command: actuators_raw: silent") == "safe command: actuators_raw: silent"
    )
    # It goes on, which is no other stop.
    assert news_of(9, "safe command: actuators_raw: silent") == ""
