"""What the peers of `bench events` do to the same events; those that are missing are left out.

They come with the extra `bench`; evutils is GPL and used here only. dv-processing's events are
filled from Python one by one, so all its figures start from a filled store. Where a peer's result
is defined as ours it is compared: a fast wrong answer is no peer.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.representations.histogram import histogram
from spikeloop.events.representations.voxel import voxel_grid

Runs = dict[str, Callable[[], Any]]
EVUTILS_CHANNELS = [2, 0]
"""Where OFF and ON are counted in its picture of three colours."""


def peer(name: str) -> Any:
    """A peer's module, or None with a line that says how to get it."""
    with contextlib.suppress(ImportError):
        return importlib.import_module(name)
    print(f"{name} isn't installed and left out: pip install 'spikeloop[bench]'", file=sys.stderr)
    return None


def surfaces(events: Events, tau_us: float) -> Runs:
    """Exponential time surfaces of the whole sensor."""
    runs: Runs = {}
    if eventcv := peer("eventcv"):
        stream = _stream(eventcv, events)
        runs["eventcv"] = lambda: eventcv.tsurf(stream)
    if dense := peer("evutils.dense"):
        records, size = _evutils_records(events), (events.width, events.height)
        runs["evutils"] = lambda: dense.timesurface(records, *size, tau=tau_us)
    if tonic := peer("tonic.functional"):
        rows, sensor = _tonic_records(events), (events.width, events.height, 2)
        span = int(events.t[-1] - events.t[0]) + 1
        runs["tonic"] = lambda: tonic.to_timesurface_numpy(
            rows, sensor, dt=span, tau=tau_us, include_incomplete=True
        )
    return runs


def voxels(events: Events, bins: int) -> Runs:
    """Voxel grids with bilinear weights in time."""
    runs: Runs = {"numpy": lambda: _numpy_voxels(events, bins)}
    if torch := peer("torch"):
        torch.set_num_threads(1)
        runs["torch"] = lambda: _torch_voxels(torch, events, bins)
    for name, run in runs.items():
        _agree(f"voxel grid of {name}", run(), voxel_grid(events, bins), 2e-3)
    if tonic := peer("tonic.functional"):
        rows, sensor = _tonic_records(events), (events.width, events.height, 2)
        runs["tonic"] = lambda: tonic.to_voxel_grid_numpy(rows, sensor, n_time_bins=bins)
    if evlib := peer("evlib.representations"):
        table = _table(events)
        runs["evlib"] = lambda: evlib.create_voxel_grid(
            table, events.height, events.width, n_time_bins=bins
        )
    return runs


def histograms(events: Events) -> Runs:
    """Counts of each pixel by polarity."""
    runs: Runs = {"numpy": lambda: _numpy_histogram(events)}
    if dense := peer("evutils.dense"):
        records, size = _evutils_records(events), (events.width, events.height)
        runs["evutils"] = lambda: dense.histogram(records, *size)
    if tonic := peer("tonic.functional"):
        rows, sensor = _tonic_records(events), (events.width, events.height, 2)
        runs["tonic"] = lambda: tonic.to_frame_numpy(rows, sensor, n_event_bins=1)
    for name, run in runs.items():
        # That of evutils is a picture, colours last.
        counts = np.asarray(run())
        counts = counts[..., EVUTILS_CHANNELS].transpose(2, 0, 1) if name == "evutils" else counts
        _agree(f"histogram of {name}", counts, histogram(events), 0.0)
    return runs


def _agree(what: str, theirs: Any, ours: NDArray[Any], most: float) -> None:
    values = np.asarray(theirs, np.float64).reshape(-1)
    if len(values) != ours.size or np.abs(values - ours.reshape(-1)).max() > most:
        raise RuntimeError(f"the {what} differs from ours")


def _evutils_records(events: Events) -> Any:
    records = np.zeros(len(events), importlib.import_module("evutils.types").Event_dtype)
    for name in "txyp":
        records[name] = getattr(events, name)
    return records


def _tonic_records(events: Events) -> Any:
    records = np.zeros(len(events), [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "i1")])
    for name in "txyp":
        records[name] = getattr(events, name)
    return records


def _stream(eventcv: Any, events: Events) -> Any:
    columns: list[NDArray[Any]] = [events.x, events.y, events.t, events.p]
    table = np.stack([column.astype(np.int64) for column in columns], axis=1)
    return eventcv.from_numpy(table, time_unit="us", sensor_size=(events.width, events.height))


def _table(events: Events) -> Any:
    """As evlib's reader gives them: times are a duration, polarities a sign."""
    polars = importlib.import_module("polars")
    table = polars.DataFrame(
        {
            "t": events.t,
            "x": events.x.astype(np.int16),
            "y": events.y.astype(np.int16),
            "polarity": 2 * events.p.astype(np.int8) - 1,
        }
    )
    return table.with_columns(polars.col("t").cast(polars.Duration("us")))


def _numpy_voxels(events: Events, bins: int) -> Any:
    place = (events.t - events.t[0]) * ((bins - 1) / (events.t[-1] - events.t[0]))
    low = place.astype(np.int64)
    upper, sign = place - low, 2.0 * events.p - 1.0
    at = events.y.astype(np.int64) * events.width + events.x
    size = events.width * events.height
    grid = np.bincount(low * size + at, sign * (1.0 - upper), bins * size)
    high = np.minimum(low + 1, bins - 1)
    return grid + np.bincount(high * size + at, sign * upper, bins * size)


def _torch_voxels(torch: Any, events: Events, bins: int) -> Any:
    t, x, y, p = (torch.from_numpy(column) for column in (events.t, events.x, events.y, events.p))
    place = (t - t[0]).float() * ((bins - 1) / float(t[-1] - t[0]))
    low = place.long().clamp(max=bins - 2)
    upper, sign = place - low, 2.0 * p.float() - 1.0
    size = events.width * events.height
    at = (low * events.height + y.long()) * events.width + x.long()
    grid = torch.zeros(bins * size)
    grid.scatter_add_(0, at, sign * (1.0 - upper))
    return grid.scatter_add_(0, at + size, sign * upper)


def _numpy_histogram(events: Events) -> Any:
    at = (events.p.astype(np.int64) * events.height + events.y) * events.width + events.x
    return np.bincount(at, minlength=2 * events.width * events.height)
