"""Event processing on one core: our time over the best peer's, measured in turns in one process.

Peers come with the extra `bench` (see `event_peers`). Inputs: `sparse`, the shared
recording 60 times with its time moved on (20.6 M events, no vectors); `vector`, a made-up stream
rich in vectors (15.6 M events); for the rest 2 M events of moving edges and noise at 640x480.
Every figure is of medians over warm runs that alternate, and of the CPU time of all threads, so
that it is one core's on a loaded machine too. Figures end in `_ratio` (time over the best peer's)
or `_mev_s` (million events a second).
"""

from __future__ import annotations

import os
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
from spikeloop_benchmarks import event_peers
from spikeloop_benchmarks.event_peers import Runs, peer

from spikeloop.events.array import Events
from spikeloop.events.evt3 import Evt3Decoder
from spikeloop.events.filters.background_activity import BackgroundActivity
from spikeloop.events.recording import Recording
from spikeloop.events.representations.accumulator import Accumulator
from spikeloop.events.representations.histogram import histogram
from spikeloop.events.representations.time_surface import TimeSurface
from spikeloop.events.representations.voxel import voxel_grid

DATA = Path(__file__).resolve().parents[1] / "tests" / "data" / "evt3_test_events_1"
ROUNDS, REPEATS = 15, 60
WIDTH, HEIGHT, COUNT = 640, 480, 2_000_000
SIZE = (WIDTH, HEIGHT)
WINDOW_US, TAU_US, BINS = 2_000, 10_000, 10
PIECE = 1 << 20


def measure() -> dict[str, float]:
    """All figures."""
    warnings.simplefilter("ignore")
    for variable in ("RAYON_NUM_THREADS", "POLARS_MAX_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    # Peers without a way to take the events from memory read them from here.
    with tempfile.TemporaryDirectory() as folder:
        figures = _decoding("evt3_sparse", _sparse_words(), 640, 480, Path(folder))
        figures |= _decoding("evt3_vector", _vector_words(), 1280, 720, Path(folder))
    figures |= _processing(_edges_and_noise())
    figures["info_warm_s"] = _info_s()
    return figures


def _compare(name: str, events: int, ours: Callable[[], Any], peers: Runs) -> dict[str, float]:
    """Rates of all, and the ratio to the best peer."""
    runs: Runs = {"ours": ours, **peers}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(ROUNDS):
        for who, run in runs.items():
            began = time.process_time()
            result = run()
            times[who].append(time.process_time() - began)
            del result
    median = {who: statistics.median(values) for who, values in times.items()}
    figures = {f"{name}_{who}_mev_s": events / t / 1e6 for who, t in median.items()}
    if peers:
        best = min(t for who, t in median.items() if who != "ours")
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
    if evt3 := peer("evt3"):
        peers["evt3"] = lambda: evt3.decode_bytes(data, sensor_width=width, sensor_height=height)
    if eventcv := peer("eventcv"):
        peers["eventcv"] = lambda: eventcv.load(str(file))
    if evutils := peer("evutils.io"):
        peers["evutils"] = lambda: evutils.EventReader(str(file)).read_all()
    count = len(ours())
    for who, run in peers.items():
        if len(run()) != count:
            raise RuntimeError(f"{name}: {who} decodes {len(run())} events, we {count}")
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
    dv = peer("dv_processing")
    store = _filled_store(dv, events) if dv else None
    return (
        _denoising(events, dv, store)
        | _accumulating(events, dv, store)
        | _linear_surface(events, dv, store)
        | _representing(events)
    )


def _filled_store(dv: Any, events: Events) -> Any:
    store = dv.EventStore()
    columns = (events.t, events.x, events.y, events.p > 0)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        store.push_back(*row)
    return store


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


def _representing(events: Events) -> dict[str, float]:
    def surface() -> NDArray[np.float32]:
        ours = TimeSurface(*SIZE)
        ours.add(events)
        return ours.exponential(TAU_US)

    return (
        _compare("timesurface", COUNT, surface, event_peers.surfaces(events, TAU_US))
        | _compare(
            "voxel", COUNT, lambda: voxel_grid(events, BINS), event_peers.voxels(events, BINS)
        )
        | _compare("histogram", COUNT, lambda: histogram(events), event_peers.histograms(events))
    )


def _linear_surface(events: Events, dv: Any, store: Any) -> dict[str, float]:
    """dv-processing's time surface, whose picture is linear in time, against our linear one."""
    span = float(events.t[-1] - events.t[0])

    def theirs() -> Any:
        surface = dv.TimeSurface(SIZE)
        surface.accept(store)
        return surface.generateFrame()

    def ours() -> NDArray[np.float32]:
        surface = TimeSurface(*SIZE)
        surface.add(events)
        return surface.linear(span)

    return _compare("timesurface_linear", COUNT, ours, {"dv": theirs} if dv else {})


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
