"""Tunes the PID for a plant: CMA-ES on the stated cost, from the stated seed.

    python -m spikeloop.control.pid.tuning blimp --out weights/pid_blimp.json

The plant is a Gymnasium environment whose observation is (altimeter m, set-point m) and whose one
action is the normalised thrust, a decision each 0.1 s. Gains are searched on a logarithmic scale.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from cmaes import CMA
from numpy.typing import NDArray
from tqdm import tqdm

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.cost import HELD_OUT_SEEDS, TRAINING_SEEDS, TUNING_SEED, cost
from spikeloop.control.pid.pid import Pid
from spikeloop.metrics.step_response import Flight, TrackingMetrics, tracking_metrics

PLANTS = {
    "blimp": "spikeloop_sim:spikeloop/BlimpAltitude-v0",
    "identified_blimp": "spikeloop_sim:spikeloop/IdentifiedBlimpAltitude-v0",
}
GAINS = ("kp", "ki", "kd", "derivative_filter")
LOWEST = np.log10([0.02, 0.001, 0.02, 0.02])
HIGHEST = np.log10([10.0, 2.0, 10.0, 2.0])
POPULATION, GENERATIONS = 10, 24


def fly(environment_id: str, config: PidConfig, seed: int) -> Flight:
    """One episode of a plant under the PID."""
    environment = gymnasium.make(environment_id)
    observation, info = environment.reset(seed=seed)
    pid = Pid(config)
    rows, done = [], False
    while not done:
        action = pid.update(float(observation[1]), float(observation[0]), config.period)
        rows.append((info["time_s"], info["setpoint"], info["altitude"], action))
        observation, _, terminated, truncated, info = environment.step(
            np.array([action], np.float32)
        )
        done = terminated or truncated
    environment.close()
    return Flight(*np.array(rows).T)


def measure(
    environment_id: str, config: PidConfig, seeds: Sequence[int], mapped: Callable[..., Any] = map
) -> TrackingMetrics:
    """Pooled metrics over the episodes of `seeds`."""
    return tracking_metrics(list(mapped(partial(fly, environment_id, config), seeds)))


def tune(environment_id: str, seed: int, workers: int) -> PidConfig:
    """The gains of lowest cost that the search finds; the same seed gives the same gains."""
    middle = (LOWEST + HIGHEST) / 2.0
    optimiser = CMA(
        mean=middle,
        sigma=0.4,
        bounds=np.stack([LOWEST, HIGHEST], axis=1),
        seed=seed,
        population_size=POPULATION,
    )
    best_cost, best = np.inf, _config(middle)
    with ProcessPoolExecutor(workers) as pool:
        for _ in tqdm(range(GENERATIONS), unit="generation", disable=not sys.stderr.isatty()):
            results = []
            for _ in range(POPULATION):
                point = optimiser.ask()
                config = _config(point)
                value = cost(measure(environment_id, config, TRAINING_SEEDS, pool.map))
                results.append((point, value))
                if value < best_cost:
                    best_cost, best = value, config
            optimiser.tell(results)
    return best


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
    config = tune(environment_id, TUNING_SEED, args.workers)
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
