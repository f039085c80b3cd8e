"""Pytest plugin: launches that run while tests do; load it with `-p launch_pytest.plugin`."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import launch
from launch_pytest.actions import ReadyToTest

_running: list[tuple[launch.LaunchService, Callable[[], None]]] = []  # with how to end each


def fixture(
    decorated: Callable[..., Any] | None = None,
    *,
    shutdown_when_idle: bool = True,
    auto_shutdown: bool = True,
    **options: Any,
) -> Any:
    """Make a fixture of a function that gives a launch description, or a sequence that begins so.

    The description is launched, in a thread of its own, for the time of the fixture.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        @functools.wraps(function)
        def launched(*args: Any, **kwargs: Any) -> Iterator[Any]:
            def run() -> None:
                try:
                    assert service.run(shutdown_when_idle=shutdown_when_idle) == 0, "launch failed"
                finally:
                    ready.reached.set()

            def end() -> None:
                if auto_shutdown:
                    service.shutdown()
                result.result()

            ReadyToTest.made.clear()
            given = function(*args, **kwargs)
            generator = given if inspect.isgenerator(given) else iter([given])
            given, service = next(generator), launch.LaunchService()
            description = given[0] if isinstance(given, Sequence) else given
            if not ReadyToTest.made:
                description.add_action(ReadyToTest())
            ready = ReadyToTest.made[0]
            service.include_launch_description(description)
            with ThreadPoolExecutor(1) as executor:
                result = executor.submit(run)
                _running.append((service, end))
                try:
                    ready.reached.wait()
                    if result.done():
                        result.result()
                    yield given
                    end()
                except BaseException:
                    service.shutdown()
                    raise
                finally:
                    _running.remove((service, end))
            next(generator, None)

        return pytest.fixture(**options)(launched)

    return decorate if decorated is None else decorate(decorated)


@pytest.fixture
def launch_service() -> launch.LaunchService:
    """The service of the launch that runs."""
    return _running[-1][0]


@pytest.fixture
def launch_context(launch_service: launch.LaunchService) -> launch.LaunchContext:
    """The context of the launch that runs."""
    return launch_service.context


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "launch(fixture, shutdown=False): test during a launch")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> list[pytest.Item] | None:
    marks = [mark for mark in getattr(obj, "pytestmark", ()) if mark.name == "launch"]
    if not marks or not collector.istestfunction(obj, name):
        return None
    pytest.mark.usefixtures(marks[0].kwargs["fixture"].__name__)(obj)
    return list(collector._genfunctions(name, obj))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def is_late(item: pytest.Item) -> bool:  # a test of the time after a launch
        return any(mark.kwargs.get("shutdown") for mark in item.iter_markers("launch"))

    modules = [item.path for item in items]
    items.sort(key=lambda item: (modules.index(item.path), is_late(item)))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    mark, test = pyfuncitem.get_closest_marker("launch"), pyfuncitem.obj
    if mark is None:
        return None
    if mark.kwargs.get("shutdown"):
        _running[-1][1]()
    result = test(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames})
    if inspect.iscoroutine(result):
        asyncio.run(result)
    elif inspect.isgenerator(result):  # the first part during the launch, the second afterwards
        next(result)
        _running[-1][1]()
        assert next(result, result) is result, "a launch test must yield once"
    elif inspect.isasyncgen(result):
        asyncio.run(_run_both_parts(result))
    return True


async def _run_both_parts(test: Any) -> None:
    await anext(test)
    await asyncio.to_thread(_running[-1][1])
    assert await anext(test, test) is test, "a launch test must yield once"
