"""launch_pytest: fixtures that launch, and tests beside them."""

from __future__ import annotations

import os
import signal

import launch_pytest
import pytest
from launch.actions import ExecuteProcess, RegisterEventHandler
from launch.event_handlers import OnProcessStart
from launch_pytest.tools import process as tools

import launch

UNTIL_SIGINT = "trap 'echo bye; exit 0' INT; echo hello; echo oh >&2; while :; do sleep 0.05; done"


def process(command=UNTIL_SIGINT, **options):
    """A process of a shell whose output is kept."""
    return ExecuteProcess(cmd=["sh", "-c", command], cached_output=True, **options)


@pytest.fixture
def greeter():
    """The process that the launch fixtures launch."""
    return process()


@launch_pytest.fixture
def plain(greeter):
    """A fixture that returns a description."""
    return launch.LaunchDescription([greeter, launch_pytest.actions.ReadyToTest()])


@launch_pytest.fixture
def with_more(greeter):
    """A fixture that returns a description and more."""
    return launch.LaunchDescription([greeter]), {"process": greeter}


@launch_pytest.fixture
def as_generator(greeter):
    """A fixture that yields a description, and goes on when all has ended."""
    yield launch.LaunchDescription([greeter])
    assert greeter.return_code == 0
    assert greeter.get_stdout() == "hello\nbye\n"


@launch_pytest.fixture
def ready_once_started(greeter):
    """A fixture whose tests begin when the process has a pid."""
    ready = OnProcessStart(target_action=greeter, on_start=[launch_pytest.actions.ReadyToTest()])
    return launch.LaunchDescription([RegisterEventHandler(ready), greeter])


@launch_pytest.fixture
def ending():
    """A launch that ends by itself after a while."""
    first = process("sleep 0.5; exit 3")
    return launch.LaunchDescription([first]), first


def _greeted(launch_context, greeter):
    return tools.wait_for_stderr_sync(
        launch_context, greeter, lambda text: text == "oh\n", timeout=10
    )


@pytest.mark.launch(fixture=plain)
def test_runs_beside_the_launch(greeter, launch_context):
    assert _greeted(launch_context, greeter)
    assert greeter.get_stdout() == "hello\n"
    assert greeter.return_code is None


@pytest.mark.launch(fixture=as_generator)
def test_generator_fixture(greeter, launch_context):
    assert _greeted(launch_context, greeter)


@pytest.mark.launch(fixture=with_more)
def test_fixture_gives_more_than_the_description(with_more, greeter, launch_context):
    assert with_more[1]["process"] is greeter
    assert _greeted(launch_context, greeter)


@pytest.mark.launch(fixture=ready_once_started)
def test_begins_when_it_was_said_to(greeter):
    os.kill(greeter.process_details["pid"], 0)


@pytest.mark.launch(fixture=plain)
@pytest.mark.parametrize("text", ["nothing like it", "neither"])
def test_output_that_does_not_come(greeter, launch_context, text):
    assert not tools.wait_for_stderr_sync(
        launch_context, greeter, lambda said: text in said, timeout=0.1
    )
    assert _greeted(launch_context, greeter)


@pytest.mark.launch(fixture=ending)
def test_end_of_a_process(ending, launch_context):
    assert tools.wait_for_exit_sync(launch_context, ending[1], timeout=10)
    assert ending[1].return_code == 3


@pytest.mark.launch(fixture=ready_once_started)
def test_end_by_a_signal_of_the_test(greeter, launch_context):
    assert _greeted(launch_context, greeter)
    os.kill(greeter.process_details["pid"], signal.SIGKILL)
    assert tools.wait_for_exit_sync(launch_context, greeter, timeout=10)
    assert greeter.return_code == -signal.SIGKILL
