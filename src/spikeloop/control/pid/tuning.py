"""Tunes the PID for a plant: CMA-ES on the stated cost, from the stated seed.

    python -m spikeloop.control.pid.tuning blimp --out weights/pid_blimp.json

Gains are searched on a logarithmic scale. The cost has several minima, so the search starts anew
from several points: the middle of the space first, then points drawn from the same seed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from cmaes import CMA
from numpy.typing import NDArray
from tqdm import tqdm

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.cost import HELD_OUT_SEEDS, TRAINING_SEEDS, TUNING_SEED, cost
from spikeloop.control.pid.flying import PLANTS, fly_pid
from spikeloop.metrics.step_response import TrackingMetrics, tracking_metrics

GAINS = ("kp", "ki", "kd", "derivative_filter")
LOWEST = np.log10([0.02, 0.001, 0.02, 0.02])
HIGHEST = np.log10([10.0, 2.0, 10.0, 2.0])
POPULATION, GENERATIONS, STARTS = 10, 20, 5


def measure(
    environment_id: str, config: PidConfig, seeds: Sequence[int], mapped: Callable[..., Any] = map
) -> TrackingMetrics:
    """Pooled metrics over the episodes of `seeds`."""
    singles = [(seed,) for seed in seeds]
    flights = mapped(partial(fly_pid, environment_id, config), singles)
    return tracking_metrics(list(chain.from_iterable(flights)))


def tune(environment_id: str, seed: int, workers: int) -> tuple[PidConfig, list[float]]:
    """The gains of lowest cost that the search finds; the same seed gives the same gains.

    Returns:
        The gains, and the lowest cost of each start.

    """
    random = np.random.default_rng(seed)
    costs: list[float] = []
    best = PidConfig()
    with ProcessPoolExecutor(workers) as pool:
        for start in range(STARTS):
            mean = (LOWEST + HIGHEST) / 2.0 if start == 0 else random.uniform(LOWEST, HIGHEST)
            found, value = _descend(environment_id, mean, seed + start, pool.map)
            if not costs or value < min(costs):
                best = found
            costs.append(value)
    return best, costs


def _descend(
    environment_id: str, mean: NDArray[np.float64], seed: int, mapped: Callable[..., Any]
) -> tuple[PidConfig, float]:
    optimiser = CMA(
        mean=mean,
        sigma=0.4,
        bounds=np.stack([LOWEST, HIGHEST], axis=1),
        seed=seed,
        population_size=POPULATION,
    )
    best_cost, best = np.inf, _config(mean)
    for _ in tqdm(range(GENERATIONS), unit="generation", disable=not sys.stderr.isatty()):
        results = []
        for _ in range(POPULATION):
            point = optimiser.ask()
            config = _config(point)
            value = cost(measure(environment_id, config, TRAINING_SEEDS, mapped))
            results.append((point, value))
            if value < best_cost:
                best_cost, best = value, config
        optimiser.tell(results)
    return best, best_cost


def _config(point: NDArray[np.float64]) -> PidConfig:
    # Rounded, so that the published gains are exactly those that were measured.
    values = {name: float(f"{10.0**x:.4g}") for name, x in zip(GAINS, point, strict=True)}
    return PidConfig(**values)


def main(arguments: Sequence[str] | None = None) -> int:
    """Tune for one plant and write gains, cost and held-out metrics."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("plant", choices=sorted(PLANTS))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args(arguments)
    environment_id = PLANTS[args.plant]
    config, costs = tune(environment_id, TUNING_SEED, args.workers)
    with ProcessPoolExecutor(args.workers) as pool:
        training = measure(environment_id, config, TRAINING_SEEDS, pool.map)
        held_out = measure(environment_id, config, HELD_OUT_SEEDS, pool.map)
        without_integral = measure(
            environment_id, replace(config, ki=0.0), HELD_OUT_SEEDS, pool.map
        )
    result = {
        "command": f"python -m spikeloop.control.pid.tuning {args.plant}",
        "environment": environment_id,
        "seed": TUNING_SEED,
        "cost_of_each_start": costs,
        "gains": asdict(config),
        "cost_training": cost(training),
        "cost_held_out": cost(held_out),
        "held_out": asdict(held_out),
        "held_out_without_integral": asdict(without_integral),
        "held_out_seeds": [HELD_OUT_SEEDS[0], HELD_OUT_SEEDS[-1]],
    }
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
