"""Shared by all tests: a ROS domain of its own for each, and this machine only."""

from __future__ import annotations

import itertools
import os

import pytest

import launch
from spikeloop.loop.transport import sweep

# The real launch_pytest registers itself; the fallback is only a folder on the path.
pytest_plugins = ["launch_pytest.plugin"] if "launch_fallback" in str(launch.__file__) else []

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
# Domains above 101 collide with the operating system's ephemeral ports.
_DOMAINS = itertools.cycle(range(1, 100))


@pytest.fixture(autouse=True, scope="session")
def clean_shared_memory() -> None:
    """What killed processes of an earlier run left would slow the discovery of this one."""
    sweep()


@pytest.fixture(autouse=True)
def ros_domain(monkeypatch: pytest.MonkeyPatch) -> int:
    """A ROS_DOMAIN_ID that no other test of this run uses."""
    domain = next(_DOMAINS)
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
    return domain
