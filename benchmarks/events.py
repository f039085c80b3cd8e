"""Event processing on one core: our time over the best peer's, measured in turns in one process.

Peers come with the extra `bench` (evutils is GPL and used here only). Inputs: `sparse`, the shared
recording 60 times with its time moved on (20.6 M events, no vectors); `vector`, a made-up stream
rich in vectors (15.6 M events); for the rest 2 M events of moving edges and noise at 640x480.
Every figure is of medians over warm runs that alternate. Figures end in `_ratio` (time over the
best peer's) or `_mev_s` (million events a second).
"""

from __future__ import annotations

import contextlib
import importlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.evt3 import Evt3Decoder
from spikeloop.events.filters.background_activity import BackgroundActivity
from spikeloop.events.recording import Recording
from spikeloop.events.representations.accumulator import Accumulator
from spikeloop.events.representations.histogram import histogram
from spikeloop.events.representations.time_surface import TimeSurface
from spikeloop.events.representations.voxel import voxel_grid

DATA = Path(__file__).resolve().parents[1] / "tests" / "data" / "evt3_test_events_1"
ROUNDS, REPEATS = 7, 60
WIDTH, HEIGHT, COUNT = 640, 480, 2_000_000
SIZE = (WIDTH, HEIGHT)
WINDOW_US, TAU_US, BINS = 2_000, 10_000, 10
PIECE = 1 << 20
Runs = dict[str, Callable[[], Any]]


def measure() -> dict[str, float]:
    """All figures."""
    warnings.simplefilter("ignore")
    # Peers without a way to take the events from memory read them from here.
    with tempfile.TemporaryDirectory() as folder:
        figures = _decoding("evt3_sparse", _sparse_words(), 640, 480, Path(folder))
        figures |= _decoding("evt3_vector", _vector_words(), 1280, 720, Path(folder))
    figures |= _processing(_edges_and_noise())
    figures["info_warm_s"] = _info_s()
    return figures


def _peer(name: str) -> Any:
    """A peer's module, or None with a line that says how to get it."""
    with contextlib.suppress(ImportError):
        return importlib.import_module(name)
    print(f"{name} isn't installed and left out: pip install 'spikeloop[bench]'", file=sys.stderr)
    return None


def _compare(name: str, events: int, ours: Callable[[], Any], peers: Runs) -> dict[str, float]:
    """Rates of all, and the ratio to the best peer."""
    runs: Runs = {"ours": ours, **peers}
    times: dict[str, list[float]] = {peer: [] for peer in runs}
    for peer in runs:
        runs[peer]()
    for _ in range(ROUNDS):
        for peer, run in runs.items():
            began = time.perf_counter()
            result = run()
            times[peer].append(time.perf_counter() - began)
            del result
    median = {peer: statistics.median(values) for peer, values in times.items()}
    figures = {f"{name}_{peer}_mev_s": events / t / 1e6 for peer, t in median.items()}
    if peers:
        best = min(t for peer, t in median.items() if peer != "ours")
        figures[f"{name}_ratio"] = median["ours"] / best
    return figures


def _sparse_words() -> NDArray[np.uint16]:
    data = b"".join(packet.data for packet in Recording(DATA).packets())
    once = np.frombuffer(data, "<u2")
    is_high = once >> 12 == 8
    high = (once[is_high] & 0xFFF).astype(np.int64)
    out = np.tile(once, (REPEATS, 1))
    for k in range(REPEATS):
        moved = high + k * (int(high.max()) - int(high.min()) + 1)
        out[k, is_high] = 0x8000 | moved & 0xFFF
    return out.reshape(-1)


def _vector_words() -> NDArray[np.uint16]:
    """Rows of a time, a row, a vector of 32 columns (as sensors write them), some single events."""
    rng, n = np.random.default_rng(1), 1_900_000
    words = np.zeros((n, 8), np.int64)
    time_us = np.arange(n) // 3
    words[:, 0], words[:, 1] = 0x8000 | time_us >> 12 & 0xFFF, 0x6000 | time_us & 0xFFF
    words[:, 2] = rng.integers(0, 720, n)
    words[:, 3] = 0x3000 | rng.integers(0, 2, n) << 11 | rng.integers(0, 38, n) * 32
    for k, kind, top in ((4, 0x4000, 4096), (5, 0x4000, 4096), (6, 0x5000, 256)):
        words[:, k] = kind | rng.integers(0, top, n) & rng.integers(0, top, n)
    words[:, 7] = 0x2000 | rng.integers(0, 1280, n)
    kept = np.ones((n, 8), dtype=bool)
    kept[:, 0], kept[:, 1] = np.arange(n) % 30 == 0, np.arange(n) % 3 == 0
    kept[:, 7] = rng.random(n) < 0.2
    return words[kept].astype(np.uint16)


def _decoding(
    name: str, words: NDArray[np.uint16], width: int, height: int, folder: Path
) -> dict[str, float]:
    data = words.astype("<u2").tobytes()
    header = f"% evt 3.0\n% format EVT3;height={height};width={width}\n% end\n".encode()
    file = folder / "stream.raw"
    file.write_bytes(header + data)

    def ours() -> Events:
        return Evt3Decoder(width, height).decode(data)[0]

    def streaming() -> int:
        decoder = Evt3Decoder(width, height)
        view = memoryview(data)
        return sum(len(decoder.decode(view[k : k + PIECE])[0]) for k in range(0, len(data), PIECE))

    peers: Runs = {}
    if evt3 := _peer("evt3"):
        peers["evt3"] = lambda: evt3.decode_bytes(data, sensor_width=width, sensor_height=height)
    if eventcv := _peer("eventcv"):
        peers["eventcv"] = lambda: eventcv.load(str(file))
    if evutils := _peer("evutils.io"):
        peers["evutils"] = lambda: evutils.EventReader(str(file)).read_all()
    count = len(ours())
    for peer, run in peers.items():
        if len(run()) != count:
            raise RuntimeError(f"{name}: {peer} decodes {len(run())} events, we {count}")
    figures = _compare(name, count, ours, peers)
    figures |= _compare(f"{name}_streaming", count, streaming, {})
    return figures


def _edges_and_noise() -> Events:
    rng = np.random.default_rng(0)
    t = 10_000_000 + np.sort(rng.integers(0, 2_000_000, COUNT))
    on_edge = rng.random(COUNT) < 0.7
    edges = t // 4000 + rng.integers(0, 8, COUNT) * 80 + rng.integers(0, 3, COUNT)
    x = np.where(on_edge, edges % WIDTH, rng.integers(0, WIDTH, COUNT)).astype(np.uint16)
    y = rng.integers(0, HEIGHT, COUNT).astype(np.uint16)
    return Events(t, x, y, rng.integers(0, 2, COUNT).astype(np.uint8), WIDTH, HEIGHT)


def _processing(events: Events) -> dict[str, float]:
    dv = _peer("dv_processing")
    store = _filled_store(dv, events) if dv else None
    return (
        _denoising(events, dv, store)
        | _accumulating(events, dv, store)
        | _representing(events, _peer("eventcv"), _peer("evutils.types"), _peer("evutils.dense"))
    )


def _denoising(events: Events, dv: Any, store: Any) -> dict[str, float]:
    def theirs() -> Any:
        window = timedelta(microseconds=WINDOW_US)
        filter_ = dv.noise.BackgroundActivityNoiseFilter(SIZE, window)
        filter_.accept(store)
        return filter_.generateEvents()

    def ours() -> Events:
        return BackgroundActivity(*SIZE, WINDOW_US).apply(events)

    if dv and theirs().size() != len(ours()):
        raise RuntimeError(f"dv-processing keeps {theirs().size()} events, we {len(ours())}")
    return _compare("denoise", COUNT, ours, {"dv": theirs} if dv else {})


def _accumulating(events: Events, dv: Any, store: Any) -> dict[str, float]:
    def theirs(kind: str) -> Any:
        accumulator = getattr(dv, kind)(SIZE)
        accumulator.accept(store)
        return accumulator.generateFrame()

    def ours(tau_us: float) -> NDArray[np.float32]:
        accumulator = Accumulator(*SIZE, step=0.25, limit=1.0, tau_us=tau_us, rectify=not tau_us)
        accumulator.add(events)
        return accumulator.picture()

    plain: Runs = {"dv_edge_map": lambda: theirs("EdgeMapAccumulator")} if dv else {}
    fading: Runs = {"dv": lambda: theirs("Accumulator")} if dv else {}
    return _compare("accumulate", COUNT, lambda: ours(0.0), plain) | _compare(
        "accumulate_decay", COUNT, lambda: ours(1e6), fading
    )


def _representing(events: Events, eventcv: Any, types: Any, dense: Any) -> dict[str, float]:
    records = _records(types, events) if types else None
    stream = _stream(eventcv, events) if eventcv else None

    def surface() -> NDArray[np.float32]:
        ours = TimeSurface(*SIZE)
        ours.add(events)
        return ours.exponential(TAU_US)

    surfaces: Runs = {"eventcv": lambda: eventcv.tsurf(stream)} if eventcv else {}
    voxels: Runs = {"numpy": lambda: _numpy_voxels(events)}
    counts: Runs = {"numpy": lambda: _numpy_histogram(events)}
    if dense:
        surfaces["evutils"] = lambda: dense.timesurface(records, *SIZE, tau=TAU_US)
        counts["evutils"] = lambda: dense.histogram(records, *SIZE)
    return (
        _compare("timesurface", COUNT, surface, surfaces)
        | _compare("voxel", COUNT, lambda: voxel_grid(events, BINS), voxels)
        | _compare("histogram", COUNT, lambda: histogram(events), counts)
    )


def _filled_store(dv: Any, events: Events) -> Any:
    store = dv.EventStore()
    columns = (events.t, events.x, events.y, events.p > 0)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        store.push_back(*row)
    return store


def _records(types: Any, events: Events) -> Any:
    records = np.zeros(len(events), types.Event_dtype)
    for name in "txyp":
        records[name] = getattr(events, name)
    return records


def _stream(eventcv: Any, events: Events) -> Any:
    columns: list[NDArray[Any]] = [events.x, events.y, events.t, events.p]
    table = np.stack([column.astype(np.int64) for column in columns], axis=1)
    return eventcv.from_numpy(table, time_unit="us", sensor_size=(WIDTH, HEIGHT))


def _numpy_voxels(events: Events) -> Any:
    place = (events.t - events.t[0]) * ((BINS - 1) / (events.t[-1] - events.t[0]))
    low = place.astype(np.int64)
    upper, sign = place - low, 2.0 * events.p - 1.0
    at = events.y.astype(np.int64) * WIDTH + events.x
    size = WIDTH * HEIGHT
    grid = np.bincount(low * size + at, sign * (1.0 - upper), BINS * size)
    high = np.minimum(low + 1, BINS - 1)
    return grid + np.bincount(high * size + at, sign * upper, BINS * size)


def _numpy_histogram(events: Events) -> Any:
    at = (events.p.astype(np.int64) * HEIGHT + events.y) * WIDTH + events.x
    return np.bincount(at, minlength=2 * WIDTH * HEIGHT)


def _info_s() -> float:
    """Median time of `events info` on the recording as a process of its own, s."""
    command = [str(Path(sys.prefix) / "bin" / "spikeloop"), "events", "info", str(DATA)]
    times = []
    for _ in range(4):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    # The first one may have compiled.
    return statistics.median(times[1:])
