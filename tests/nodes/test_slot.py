"""What the base class of all nodes promises of its callbacks, in the executor that nodes run in."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from std_msgs.msg import Int32

sys.path.insert(0, str(Path(__file__).parent))
from culprits import CulpritNode


def _passed(duration_s: float) -> Callable[[], bool]:
    end = time.monotonic() + duration_s
    return lambda: time.monotonic() > end


def test_a_destroyed_timer_calls_nothing_that_was_due(host: Any) -> None:
    spun = host(CulpritNode)
    # While a node is busy, its executor finds the timer due several times.
    for period_s in (0.04, 0.06):
        spun.node.create_timer(period_s, lambda: time.sleep(0.01))
    timers: list[Any] = []
    calls: list[bool] = []
    for count in range(1, 31):
        timers.append(
            spun.node.create_timer(0.005, lambda: calls.append(spun.node.destroy_timer(timers[-1])))
        )
        spun.wait(lambda wanted=count: len(calls) >= wanted)
        spun.wait(_passed(0.05))
        assert calls == count * [True]


def test_a_destroyed_subscription_hears_nothing_that_had_come(host: Any) -> None:
    spun = host(CulpritNode)
    heard: list[int] = []

    def hear(message: Int32) -> None:
        heard.append(message.data)
        spun.node.destroy_subscription(subscription)

    out = spun.node.create_publisher(Int32, "numbers", 20)
    subscription = spun.node.create_subscription(Int32, "numbers", hear, 20)
    spun.wait(lambda: out.get_subscription_count() and subscription.get_publisher_count())
    for number in range(10):
        out.publish(Int32(data=number))
    spun.wait(lambda: heard)
    spun.wait(_passed(0.1))
    assert heard == [0]
