"""Shared by all tests: a ROS domain of its own for each, and this machine only."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from hypothesis import HealthCheck, settings
from rclpy.executors import SingleThreadedExecutor
from rclpy.publisher import Publisher

import launch
from spikeloop.loop.accounting import READERS, WRITERS
from spikeloop.loop.domain import DOMAINS, HOLD
from spikeloop.loop.transport import sweep

# The real launch_pytest registers itself; the fallback is only a folder on the path.
pytest_plugins = ["launch_pytest.plugin"] if "launch_fallback" in str(launch.__file__) else []

# How long an example takes says more of the machine than of the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
# Workers of one run begin far apart, so that none takes a domain over in which killed nodes of
# another are still believed alive.
_run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
_turn = itertools.count(_run + DOMAINS // 2 * _worker)


@pytest.fixture(autouse=True, scope="session")
def clean_shared_memory() -> None:
    """What killed processes of an earlier run left would slow the discovery of this one."""
    sweep()


@pytest.fixture(autouse=True)
def ros_domain() -> Iterator[int]:
    """A ROS_DOMAIN_ID that no other test or mission uses meanwhile, be it of another run.

    Who uses domain N holds TCP port HOLD + N, as the tests of ROS 2 itself do. Whatever a
    launch sets of the environment ends with the test.
    """
    for _ in range(DOMAINS):
        domain = 1 + next(_turn) % (DOMAINS - 1)  # 0 is what everybody else is in
        with socket.socket() as held:
            try:
                held.bind(("", HOLD + domain))
            except OSError:
                continue
            with mock.patch.dict(os.environ, ROS_DOMAIN_ID=str(domain)):
                yield domain
            return
    raise RuntimeError("all ROS domains are in use by tests of this machine")


class Peer:
    """A node of the test's own, spun while it waits for a condition."""

    def __init__(self) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("peer", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)

    def wait(self, condition: Callable[[], Any], timeout: float = 20.0) -> Any:
        """The value of the condition once it is true."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if value := condition():
                return value
            self._executor.spin_once(timeout_sec=0.05)
        raise AssertionError(f"condition not met within {timeout} s")

    def join(self, name: str, ends: Sequence[Any], timeout: float = 60.0) -> None:
        """Wait until a node and these ends have found all that read and write their topics.

        One side of a connection knows of it before the other, which until then hears nothing.
        Topics whose names in the table are absolute, such as /clock, can't be waited for.
        """
        told = self.diagnostics(name)

        def is_joined(end: Any) -> bool:
            topic = end.topic_name
            counts = {READERS: self.node.count_subscribers(topic)}
            counts[WRITERS] = self.node.count_publishers(topic)
            names = {side: side + topic.lstrip("/") for side in counts}
            node_found = {told[n] == str(counts[s]) for s, n in names.items() if n in told}
            if isinstance(end, Publisher):
                found = end.get_subscription_count() == counts[READERS] > 0
            else:
                found = end.get_publisher_count() == counts[WRITERS] > 0
            return found and node_found == {True}

        self.wait(lambda: all(is_joined(end) for end in ends), timeout)

    def diagnostics(self, name: str) -> dict[str, str]:
        """What a node tells of itself, kept up to date."""
        told: dict[str, str] = {}

        def hear(message: DiagnosticArray) -> None:
            for status in message.status:
                if status.name == f"/{name}":
                    told.update({pair.key: pair.value for pair in status.values})

        self.node.create_subscription(DiagnosticArray, "/diagnostics", hear, 100)
        return told

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def peer(ros_domain: int) -> Iterator[Peer]:
    node = Peer()
    yield node
    node.close()
