"""Calls on many processes, here and on a cluster: each answered once, also when one is killed."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from joblib.externals.loky import get_reusable_executor

from spikeloop.parallel import ClusterError, cores, run_all

SQUARE = """
import os, signal
from pathlib import Path

def square(value, folder=None, kill=False):
    if folder is not None:
        # Who makes the file is the one that is killed; whoever is called again finds it.
        mark = Path(folder) / f"{value}"
        first = not mark.exists()
        with mark.open("a") as file:
            file.write("called\\n")
        if kill and first:
            os.kill(os.getpid(), signal.SIGKILL)
    return value * value

def fail(value):
    raise ValueError(f"no square of {value}")

def process(value):
    return os.getpid()
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A module that other processes can import as well: new ones, that know its folder."""
    get_reusable_executor().shutdown(wait=True)
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "squaring.py").write_text(SQUARE)
    monkeypatch.syspath_prepend(str(folder))
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    yield importlib.import_module("squaring")
    del sys.modules["squaring"]


def calls(folder: Path) -> dict[str, int]:
    return {p.name: len(p.read_text().split()) for p in folder.iterdir() if p.is_file()}


def test_results_are_in_the_order_of_the_jobs(work: object) -> None:
    told: list[tuple[int, int]] = []
    jobs = [(k,) for k in (3, 1, 2)]
    found = run_all(work.square, jobs, workers=1, tell=lambda k, r: told.append((k, r)))  # type: ignore[attr-defined]
    assert found == [9, 1, 4] and sorted(told) == [(0, 9), (1, 1), (2, 4)]
    assert run_all(work.square, [], workers=2) == []  # type: ignore[attr-defined]
    assert cores() >= 1


def test_errors_of_calls_come_through(work: object) -> None:
    with pytest.raises(ValueError, match="no square of 7"):
        run_all(work.fail, [(7,)], workers=1)  # type: ignore[attr-defined]


def test_a_killed_process_of_this_machine_loses_and_doubles_nothing(
    work: object, tmp_path: Path
) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    told: list[int] = []
    jobs = [(k, str(folder), k == 3) for k in range(6)]
    found = run_all(work.square, jobs, workers=2, tell=lambda k, _: told.append(k))  # type: ignore[attr-defined]
    assert found == [0, 1, 4, 9, 16, 25]
    assert sorted(told) == list(range(6))
    assert calls(folder)["3"] == 2


@pytest.fixture
def cluster(work: object) -> Iterator[object]:
    """A Dask cluster of this machine: a scheduler and two workers, each a process."""
    distributed = importlib.import_module("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
    ) as local:
        yield local


def test_a_killed_worker_of_a_cluster_loses_and_doubles_nothing(
    work: object, cluster: object, tmp_path: Path
) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    address = cluster.scheduler_address  # type: ignore[attr-defined]
    told: list[int] = []
    # One worker of the two is killed by the job that it does, in the middle.
    jobs = [(k, str(folder), k == 5) for k in range(12)]
    found = run_all(work.square, jobs, cluster=address, tell=lambda k, _: told.append(k))  # type: ignore[attr-defined]
    assert found == [k * k for k in range(12)]
    assert sorted(told) == list(range(12))
    counted = calls(folder)
    assert sorted(counted, key=int) == [str(k) for k in range(12)] and counted["5"] >= 2


def test_workers_of_the_cluster_do_it(work: object, cluster: object) -> None:
    found = run_all(work.process, [(k,) for k in range(4)], cluster=cluster.scheduler_address)  # type: ignore[attr-defined]
    pids = {worker.process.process.pid for worker in cluster.workers.values()}  # type: ignore[attr-defined]
    assert set(found) <= pids and os.getpid() not in found


def test_no_cluster_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClusterError, match="no Dask scheduler answers at 'nonsense://x'"):
        run_all(abs, [(1,)], cluster="nonsense://x")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match="`pip install distributed` brings it"):
        run_all(abs, [(1,)], cluster="tcp://127.0.0.1:1")
