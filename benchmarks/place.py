"""Place recognition on two cores: how long a route takes to learn, and a picture to recognise.

Pictures are seeded smooth noise of 128x96; two traversals, 40x40, window 11, as `train place` takes
by default. `train_500_temporal_s`, `train_3300_temporal_s`: one network (a seed) with temporal
code, one thread. `train_500_stdp_s`: 20 modules of 25 places and 400 neurons with STDP, 28x28, on
two processes. `place_query_ms`: a picture of 128x96 until its match, 2,700 places in the shipped
configuration (ensemble of 5 in whole numbers, one module each, 3 glances, sequence of 6), median,
one thread; `sad_query_ms`: the same by absolute differences. `modules_N_*`: one network of 500
places in modules of N: training, weights, scores of a picture.

Times of training are wall times of one run after everything was compiled; those that end in `_cpu`
count this process's time, so a machine that others use too spoils them less.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from threadpoolctl import threadpool_limits

from spikeloop.parallel import run_all
from spikeloop.perception.place.ensemble import Network, calibrated
from spikeloop.perception.place.following import WayFollower
from spikeloop.perception.place.pictures import (
    PictureConfig,
    edge_amplitudes,
    intensities,
    small_picture,
)
from spikeloop.perception.place.place_map import PlaceMap
from spikeloop.perception.place.stdp import train_stdp
from spikeloop.perception.place.stdp_config import StdpConfig
from spikeloop.perception.place.temporal import TemporalModule, train_temporal
from spikeloop.perception.place.temporal_config import TemporalConfig

PICTURE = PictureConfig()
MODULES = (100, 250, 500)
TRAVERSALS, WIDTH, HEIGHT = 2, 128, 96
QUERIES, ENSEMBLE = 40, 5
SMALL = NDArray[np.float32]


def pictures(count: int, seed: int) -> NDArray[np.uint8]:
    """(count, 96, 128) smooth noise, as varied as photographs once patches are normalised."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal((count, HEIGHT, WIDTH)).astype(np.float32)
    smooth = gaussian_filter(noise, (0.0, 4.0, 4.0))
    return np.clip(128.0 + 400.0 * smooth, 0.0, 255.0).astype(np.uint8)


def references(places: int, seed: int) -> SMALL:
    """(traversals, places, 40, 40): the same places with some noise of their own each time."""
    seen, random = pictures(places, seed), np.random.default_rng(seed + 1)
    drives = []
    for _ in range(TRAVERSALS):
        noise = random.normal(0.0, 12.0, seen.shape)
        again = np.clip(seen + noise, 0.0, 255.0).astype(np.uint8)
        drives.append([small_picture(one, PICTURE) for one in again])
    return np.array(drives, np.float32)


def measure() -> dict[str, float]:
    """All figures of the suite; SPIKELOOP_BENCH_STDP_MODULES trains fewer modules, and tells."""
    with threadpool_limits(1):
        train_temporal(edge_amplitudes(references(4, 0)), TemporalConfig(epochs=1), 0)
        figures = _training() | _modules() | _queries()
        return figures | _stdp()


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    """Wall time and this process's, s."""
    wall, core = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - core


def _training() -> dict[str, float]:
    figures = {}
    for places in (500, 3300):
        inputs = edge_amplitudes(references(places, places))
        wall, core = _timed(lambda inputs=inputs: train_temporal(inputs, TemporalConfig(), 0))
        figures[f"train_{places}_temporal_s"] = wall
        figures[f"train_{places}_temporal_s_cpu"] = core
    return figures


def _modules() -> dict[str, float]:
    """Against number and size of modules."""
    small = references(500, 7)
    inputs = edge_amplitudes(small)
    figures = {}
    for size in MODULES:
        config = replace(TemporalConfig(), module_places=size)
        trained: list[TemporalModule] = []
        wall, _ = _timed(lambda c=config, t=trained: t.extend(train_temporal(inputs, c, 0)))
        network = calibrated(trained, inputs)
        one = inputs[0, :1]
        figures[f"modules_{size}_train_s"] = wall
        figures[f"modules_{size}_weights_mb"] = _bytes([network]) / 1e6
        figures[f"modules_{size}_query_ms"] = _median_ms(lambda n=network, x=one: n.scores(x))
    return figures


def _bytes(networks: list[Network]) -> int:
    return sum(m.feature.nbytes + m.output.nbytes for n in networks for m in n.modules)


def _queries() -> dict[str, float]:
    """A map of random weights: a product takes as long whatever the numbers are."""
    places, random = 2700, np.random.default_rng(3)
    small = references(places, 3)
    size = small.shape[-1] ** 2
    features = round(TemporalConfig().features * size)
    few = edge_amplitudes(small[:, :20].reshape(-1, *small.shape[2:]))
    networks = []
    for _ in range(ENSEMBLE):
        modules = [
            TemporalModule(
                0,
                random.standard_normal((features, size)).astype(np.float32) / size,
                random.standard_normal((TRAVERSALS * places, features)).astype(np.float32)
                / features,
                TRAVERSALS,
                random.random(features).astype(np.float32),
            )
        ]
        networks.append(calibrated(modules, few))
    poses = np.stack([1.5 * np.arange(places), np.zeros(places), np.zeros(places)], axis=1)
    place_map = PlaceMap(poses, small, tuple(networks), PICTURE)
    seen = pictures(QUERIES, 4)
    figures = {"ensemble_weights_mb": _bytes(networks) / 1e6}
    for name, method in (("place", "temporal"), ("sad", "sad")):
        follower = WayFollower(place_map, method, 6)
        follower.feed(seen[0])  # compiles
        times = [_timed(lambda p=p, f=follower: f.feed(p)) for p in seen]
        figures[f"{name}_query_ms"] = statistics.median(1e3 * wall for wall, _ in times)
        figures[f"{name}_query_ms_cpu"] = statistics.median(1e3 * core for _, core in times)
    return figures


def _median_ms(call: Callable[[], object]) -> float:
    return statistics.median(1e3 * _timed(call)[0] for _ in range(15))


def _stdp() -> dict[str, float]:
    """All modules, or as many as the environment says; then the time is scaled up and told."""
    config = StdpConfig()
    modules = 500 // config.module_places
    count = min(int(os.environ.get("SPIKELOOP_BENCH_STDP_MODULES", modules)), modules)
    inputs = intensities(references(500, 9)[:, :, 6:-6, 6:-6])  # 28x28, as its paper
    parts = np.array_split(inputs, modules, axis=1)[:count]
    train_stdp(inputs[:, :2], replace(config, epochs=1), 0)  # compiles
    jobs = [(part, config, seed) for seed, part in enumerate(parts)]
    core = _timed(lambda: train_stdp(*jobs[0]))[1]
    wall, _ = _timed(lambda: run_all(train_stdp, jobs, workers=2))
    return {
        "train_500_stdp_s": wall * modules / count,
        "stdp_modules_trained": float(count),
        "stdp_module_s_cpu": core,
    }
