"""`spikeloop topic` sees what real nodes publish."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import launch_pytest
import pytest

COMMAND = [str(Path(sys.prefix) / "bin" / "spikeloop"), "topic"]


def _topic(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30)


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize("nodes", [{"gate": {"size": 1}}], indirect=True, ids=["gate"])
def test_list_echo_and_a_wrong_name(nodes: Any, peer: Any) -> None:
    peer.wait(lambda: peer.node.count_publishers("/actuators"))
    # A list is of what has been found so far.
    listed = peer.wait(
        lambda: [t for t in _topic("list").stdout.splitlines() if "/actuators " in t]
    )
    assert "actuator_msgs/msg/Actuators" in listed[0]
    echoed = _topic("echo", "/actuators", "--count", "2", "--timeout", "15")
    assert echoed.returncode == 0 and echoed.stdout.count("normalized=[0.0]") == 2
    wrong = _topic("echo", "/actuator")
    assert wrong.returncode == 2 and "did you mean '/actuators'" in wrong.stderr
