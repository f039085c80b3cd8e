"""Many calls of a function on all cores, or on a cluster; by joblib, none of it by hand.

Each call has its place in the result, and is made as often as it takes to come back once: where a
process is killed, the calls that it hadn't answered are made again elsewhere. So a function whose
effects outlast it, such as a recording, must take being called twice.
"""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError

Result = TypeVar("Result")
ATTEMPTS = 4
"""How often calls are handed out before a machine that kills its processes is given up."""
_Told = Callable[[int, Any], object]


class ClusterError(ValueError):
    """There is no such cluster, or what speaks to it isn't installed; the message says which."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def add_arguments(parser: argparse.ArgumentParser, workers: int = 0) -> None:
    """Declare --workers and --cluster; `workers` is the default, 0 for all cores."""
    text = "all cores" if not workers else str(workers)
    parser.add_argument(
        "--workers", type=int, default=workers, help=f"how many at once (default {text})"
    )
    parser.add_argument(
        "--cluster",
        default="",
        metavar="ADDRESS",
        help="of a Dask scheduler, such as tcp://host:8786, whose workers do it instead",
    )


def run_all(
    function: Callable[..., Result],
    jobs: Sequence[tuple[Any, ...]],
    *,
    workers: int = 0,
    cluster: str = "",
    tell: _Told | None = None,
) -> list[Result]:
    """Call a function with each of the jobs' arguments.

    Args:
        function: found by its name on all machines (a function of a module).
        jobs: arguments of each call.
        workers: processes at once on this machine; 0 for one a core. With 1 all is done in this
            process.
        cluster: address of a Dask scheduler; then its workers do it, and `workers` isn't used.
        tell: hears of each call's place and result, as they come.

    Returns:
        the results, in the order of the jobs.

    Raises:
        ClusterError: the cluster can't be reached, or its client isn't installed.
        Exception: whatever a call raises; the others that run are left.

    """
    results: dict[int, Result] = {}
    with _engine(workers or cores(), cluster):
        for attempt in range(ATTEMPTS):
            missing = [k for k in range(len(jobs)) if k not in results]
            if not missing:
                break
            calls = (delayed(_numbered)(function, k, jobs[k]) for k in missing)
            try:
                for place, result in Parallel(return_as="generator_unordered")(calls):
                    if place not in results:
                        results[place] = result
                        if tell:
                            tell(place, result)
            except TerminatedWorkerError:
                # The processes of this machine end together when one is killed.
                if attempt + 1 == ATTEMPTS:
                    raise
    return [results[k] for k in range(len(jobs))]


def _numbered(
    function: Callable[..., Result], place: int, job: tuple[Any, ...]
) -> tuple[int, Result]:
    return place, function(*job)


@contextmanager
def _engine(workers: int, cluster: str) -> Iterator[None]:
    if not cluster:
        # One thread each: as many processes run as there are cores.
        with parallel_config(backend="loky", n_jobs=workers, inner_max_num_threads=1):
            yield
        return
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as error:
        raise ClusterError(
            "--cluster needs Dask's client; `pip install distributed` brings it"
        ) from error
    try:
        client = distributed.Client(cluster, timeout=10, set_as_default=True)
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(
            f"--cluster: no Dask scheduler answers at '{cluster}' ({error}); "
            "start one with `dask scheduler`, and workers with `dask worker ADDRESS`"
        ) from error
    try:
        with parallel_config(backend="dask", n_jobs=-1):
            yield
    finally:
        client.close()
