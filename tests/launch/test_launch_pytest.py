"""launch_pytest: fixtures that launch, tests of every kind, waiting for processes."""

from __future__ import annotations

import asyncio

import launch_pytest
import pytest
from launch.actions import ExecuteProcess, RegisterEventHandler
from launch.event_handlers import OnProcessIO
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


@launch_pytest.fixture
def ready_when_greeted(greeter):
    """A fixture whose tests begin when the process has said something."""
    return launch.LaunchDescription(
        [
            greeter,
            RegisterEventHandler(
                OnProcessIO(
                    target_action=greeter,
                    on_stdout=lambda event: launch_pytest.actions.ReadyToTest(),
                    handle_once=True,
                )
            ),
        ]
    )


@pytest.mark.launch(fixture=plain)
def test_function(greeter, launch_context):
    assert tools.wait_for_output_sync(
        launch_context, greeter, lambda text: "hello\n" in text, timeout=10
    )
    assert tools.wait_for_stderr_sync(
        launch_context, greeter, lambda text: text == "oh\n", timeout=10
    )


@pytest.mark.launch(fixture=plain)
async def test_coroutine(greeter, launch_context):
    assert await tools.wait_for_output(
        launch_context, greeter, lambda text: "hello\n" in text, timeout=10
    )
    await asyncio.sleep(0)


@pytest.mark.launch(fixture=plain)
def test_generator(greeter, launch_context):
    def said_hello(text):
        assert text == "hello\n"

    tools.assert_output_sync(launch_context, greeter, said_hello, timeout=10)
    assert greeter.return_code is None
    yield
    assert greeter.return_code == 0
    assert greeter.get_stdout() == "hello\nbye\n"


@pytest.mark.launch(fixture=plain)
async def test_async_generator(greeter, launch_context):
    assert await tools.wait_for_output(launch_context, greeter, lambda text: text, timeout=10)
    yield
    assert greeter.get_stdout() == "hello\nbye\n"


@pytest.mark.launch(fixture=as_generator)
def test_generator_fixture(greeter, launch_context):
    assert tools.wait_for_output_sync(launch_context, greeter, lambda text: text, timeout=10)


@pytest.mark.launch(fixture=with_more)
def test_fixture_gives_more_than_the_description(with_more, greeter, launch_context):
    assert with_more[1]["process"] is greeter
    assert tools.wait_for_output_sync(launch_context, greeter, lambda text: text, timeout=10)


@pytest.mark.launch(fixture=with_more)
def test_output_that_does_not_come(greeter, launch_context):
    assert not tools.wait_for_output_sync(
        launch_context, greeter, lambda text: "nothing like it" in text, timeout=0.1
    )

    def impossible(text):
        assert "nothing like it" in text

    with pytest.raises(AssertionError, match="nothing like it"):
        tools.assert_output_sync(launch_context, greeter, impossible, timeout=0.1)
    tools.wait_for_output_sync(launch_context, greeter, lambda text: text, timeout=10)


@launch_pytest.fixture
def ending():
    """A launch that ends by itself after a while."""
    first = process("sleep 0.5; exit 3")
    return launch.LaunchDescription([first]), first


@pytest.mark.launch(fixture=ending)
async def test_end_of_a_process(ending, launch_context):
    assert await tools.wait_for_exit(launch_context, ending[1], timeout=10)
    assert ending[1].return_code == 3
