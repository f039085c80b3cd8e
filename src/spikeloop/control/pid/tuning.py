"""Tunes the PID for a plant: CMA-ES on the stated cost, from the stated seed.

    python -m spikeloop.control.pid.tuning blimp --out weights/pid_blimp.json

Gains are searched on a logarithmic scale. The cost has several minima, so a first search on the
compiled plant (`plants.py`) starts from several points: the middle of the space, then points drawn
from the same seed. From the best of them a second one descends on the environment itself, which
alone decides what is published.
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

from spikeloop.control.pid.config import GAINS, PidConfig
from spikeloop.control.pid.cost import HELD_OUT_SEEDS, TRAINING_SEEDS, TUNING_SEED, cost
from spikeloop.control.pid.flying import PLANTS, fly_pid
from spikeloop.control.pid.plants import Plant, fly_reference
from spikeloop.metrics.step_response import TrackingMetrics, tracking_metrics

LOWEST = np.log10([0.02, 0.001, 0.02, 0.02])
HIGHEST = np.log10([10.0, 2.0, 10.0, 2.0])
POPULATION, GENERATIONS, STARTS, SEQUENCES, WIDE = 10, 40, 8, 64, 0.4
LAST_GENERATIONS, NARROW = 10, 0.04


def measure(
    environment_id: str, config: PidConfig, seeds: Sequence[int], mapped: Callable[..., Any] = map
) -> TrackingMetrics:
    """Pooled metrics over the episodes of `seeds`."""
    singles = [(seed,) for seed in seeds]
    flights = mapped(partial(fly_pid, environment_id, config), singles)
    return tracking_metrics(list(chain.from_iterable(flights)))


def tune(plant: str, seed: int, workers: int) -> tuple[PidConfig, list[float]]:
    """The gains of lowest cost that the search finds; the same seed gives the same gains.

    Returns:
        The gains, and the lowest cost of each start on the compiled plant.

    """
    random = np.random.default_rng(seed)
    means = [(LOWEST + HIGHEST) / 2.0]
    means += [random.uniform(LOWEST, HIGHEST) for _ in range(STARTS - 1)]
    compiled = Plant(plant)
    sequences = compiled.draw(SEQUENCES, random)

    def quick(config: PidConfig) -> float:
        return cost(tracking_metrics(fly_reference(compiled, config, sequences)[0]))

    found = [
        _descend(quick, mean, WIDE, GENERATIONS, seed + index) for index, mean in enumerate(means)
    ]
    best = min(found, key=lambda pair: pair[1])[0]
    with ProcessPoolExecutor(workers) as pool:

        def exact(config: PidConfig) -> float:
            return cost(measure(PLANTS[plant], config, TRAINING_SEEDS, pool.map))

        config, _ = _descend(exact, best, NARROW, LAST_GENERATIONS, seed + STARTS)
    return _config(config), [value for _, value in found]


def _descend(
    value_of: Callable[[PidConfig], float],
    mean: NDArray[np.float64],
    sigma: float,
    generations: int,
    seed: int,
) -> tuple[NDArray[np.float64], float]:
    optimiser = CMA(
        mean=mean,
        sigma=sigma,
        bounds=np.stack([LOWEST, HIGHEST], axis=1),
        seed=seed,
        population_size=POPULATION,
    )
    best, best_cost = mean, value_of(_config(mean))
    for _ in tqdm(range(generations), unit="generation", disable=not sys.stderr.isatty()):
        results = []
        for _ in range(POPULATION):
            point = optimiser.ask()
            value = value_of(_config(point))
            results.append((point, value))
            if value < best_cost:
                best, best_cost = point, value
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
    config, costs = tune(args.plant, TUNING_SEED, args.workers)
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
        "cost_of_each_start_on_compiled_plant": costs,
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
