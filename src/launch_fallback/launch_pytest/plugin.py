"""Pytest plugin: launches that run while tests do; load it with `-p launch_pytest.plugin`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from launch.lacking import refuse, say

import launch
from launch_pytest.actions import ReadyToTest

_running: list[launch.LaunchService] = []


def fixture(function: Callable[..., Any] | None = None, **unknown: Any) -> Any:
    """Make a fixture of a function that gives a launch description, or a sequence that begins so.

    The description is launched, in a thread of its own, for the time of the test.
    """
    refuse("launch_pytest.fixture", unknown)
    if function is None:
        return fixture

    @functools.wraps(function)
    def launched(*args: Any, **kwargs: Any) -> Iterator[Any]:
        ReadyToTest.made.clear()
        result = function(*args, **kwargs)
        generator = result if inspect.isgenerator(result) else iter([result])
        given, service = next(generator), launch.LaunchService()
        description = given[0] if isinstance(given, Sequence) else given
        if not ReadyToTest.made:
            description.add_action(ReadyToTest())
        ready = ReadyToTest.made[0].reached
        service.include_launch_description(description)
        with ThreadPoolExecutor(1) as executor:
            code = executor.submit(service.run)
            code.add_done_callback(lambda _: ready.set())
            _running.append(service)
            try:
                ready.wait()
                assert not code.done() or code.result() == 0, "launch failed"
                yield given
            finally:
                _running.remove(service)
                service.shutdown()
            assert code.result() == 0, "launch failed"
        next(generator, None)

    return pytest.fixture(launched)


@pytest.fixture
def launch_context() -> launch.LaunchContext:
    """The context of the launch that runs."""
    return _running[-1].context


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "launch(fixture): test during a launch")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> list[pytest.Item] | None:
    marks = [mark for mark in getattr(obj, "pytestmark", ()) if mark.name == "launch"]
    if not marks or not collector.istestfunction(obj, name):
        return None
    refuse("pytest.mark.launch", marks[0].kwargs.keys() - {"fixture"})
    if inspect.iscoroutinefunction(obj) or inspect.isgeneratorfunction(obj):
        raise TypeError(say(f"{name}, a launch test with async or yield,"))
    pytest.mark.usefixtures(marks[0].kwargs["fixture"].__name__)(obj)
    return list(collector._genfunctions(name, obj))
