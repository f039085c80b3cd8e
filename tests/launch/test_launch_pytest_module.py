"""launch_pytest: one launch for all tests of a module."""

from __future__ import annotations

import launch_pytest
import pytest
from launch.actions import ExecuteProcess
from launch_pytest.tools import process as tools

import launch

UNTIL_SIGINT = "trap 'echo bye; exit 0' INT; echo hello; while :; do sleep 0.05; done"


@launch_pytest.fixture(scope="module")
def shared():
    """A launch for several tests."""
    greeter = ExecuteProcess(cmd=["sh", "-c", UNTIL_SIGINT], cached_output=True)
    return launch.LaunchDescription([greeter]), greeter


@pytest.mark.launch(fixture=shared, shutdown=True)
def test_after_the_shutdown(shared):
    assert shared[1].return_code == 0
    assert shared[1].get_stdout() == "hello\nbye\n"


@pytest.mark.launch(fixture=shared)
def test_before_the_shutdown(shared, launch_context):
    assert tools.wait_for_output_sync(launch_context, shared[1], lambda text: text, timeout=10)
    assert shared[1].return_code is None


@pytest.mark.launch(fixture=shared)
def test_another_before_the_shutdown(shared):
    assert shared[1].return_code is None
