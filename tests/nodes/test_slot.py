"""What the base class of all nodes promises of its callbacks, in the executor that nodes run in."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from rclpy.experimental import EventsExecutor
from std_msgs.msg import Int32

sys.path.insert(0, str(Path(__file__).parent))
from culprits import CulpritNode


class _Spun:
    """A node, and the executor that spins it."""

    def __init__(self) -> None:
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = CulpritNode(context=self._context)
        self._executor = EventsExecutor(context=self._context)
        self._executor.add_node(self.node)

    def spin_until(self, condition: Callable[[], object], timeout_s: float = 20.0) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"condition not met within {timeout_s} s"
            self._executor.spin_once(timeout_sec=0.01)

    def spin(self, duration_s: float) -> None:
        end = time.monotonic() + duration_s
        self.spin_until(lambda: time.monotonic() > end)

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()


@pytest.fixture
def spun(ros_domain: int) -> Iterator[_Spun]:
    made = _Spun()
    yield made
    made.close()


def test_a_destroyed_timer_calls_nothing_that_was_due(spun: _Spun) -> None:
    # While a node is busy, its executor finds the timer due several times.
    for period_s in (0.04, 0.06):
        spun.node.create_timer(period_s, lambda: time.sleep(0.01))
    timers: list[Any] = []
    calls: list[bool] = []
    for count in range(1, 31):
        timers.append(
            spun.node.create_timer(0.005, lambda: calls.append(spun.node.destroy_timer(timers[-1])))
        )
        spun.spin_until(lambda wanted=count: len(calls) >= wanted)
        spun.spin(0.05)
        assert calls == count * [True]


def test_a_destroyed_subscription_hears_nothing_that_had_come(spun: _Spun) -> None:
    heard: list[int] = []

    def hear(message: Int32) -> None:
        heard.append(message.data)
        spun.node.destroy_subscription(subscription)

    out = spun.node.create_publisher(Int32, "numbers", 20)
    subscription = spun.node.create_subscription(Int32, "numbers", hear, 20)
    spun.spin_until(lambda: out.get_subscription_count() and subscription.get_publisher_count())
    for number in range(10):
        out.publish(Int32(data=number))
    spun.spin_until(lambda: heard)
    spun.spin(0.1)
    assert heard == [0]
