"""Tunes the PID of a plant by flying its environment: CMA-ES on the stated cost, from one seed.

    python -m spikeloop.control.pid.axis_tuning quadrotor_roll --out weights/pid_quadrotor_roll.json

The cost is that of `cost.py`, in the plant's own unit and pace (`axes.py`). Gains are searched on a
logarithmic scale around those of a double integrator with its poles at a pace of 2 s.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from cmaes import CMA
from numpy.typing import NDArray
from tqdm import tqdm

from spikeloop.control.pid.axes import (
    ALTITUDES,
    AXES,
    Axis,
    axis_metrics,
    fly_pid_axis,
    own_gains,
    scaled_metrics,
)
from spikeloop.control.pid.config import GAINS, PidConfig
from spikeloop.control.pid.cost import HELD_OUT_SEEDS, TRAINING_SEEDS, TUNING_SEED, cost

POPULATION, GENERATIONS, EPISODES, WIDE = 6, 10, 2, 0.2
HELD_OUT = 5
"""Episodes by which the gains are reported."""
USUAL = np.array([1.3, 0.06, 2.0, 0.4])
"""kp, ki, kd and filter in the unit and pace of a blimp's altitude: where a search begins."""


def gains_of(axis: Axis, point: NDArray[np.float64]) -> PidConfig:
    """The gains at a point: logarithms of factors on the usual ones."""
    kp, ki, kd, smooth = (USUAL * 10.0**point).tolist()
    told = (kp / axis.scale, ki / axis.scale / axis.pace, kd / axis.scale * axis.pace)
    rounded = [float(f"{value:.4g}") for value in (*told, smooth * axis.pace)]
    return PidConfig(**dict(zip(GAINS, rounded, strict=True)), period=axis.period_s)


def tune(axis: Axis, seed: int) -> PidConfig:
    """The gains of lowest cost that the search finds; the same seed gives the same gains."""
    optimiser = CMA(
        mean=np.zeros(4), sigma=WIDE, seed=seed, population_size=POPULATION,
        bounds=np.array([[-1.5, 1.0]] * 4),
    )  # fmt: skip
    seeds = TRAINING_SEEDS[:EPISODES]

    def value(point: NDArray[np.float64]) -> float:
        flights = fly_pid_axis(axis, gains_of(axis, point), seeds)
        return cost(scaled_metrics(axis, flights))

    best = (value(np.zeros(4)), np.zeros(4))
    for _ in tqdm(range(GENERATIONS), unit="generation", disable=not sys.stderr.isatty()):
        points = [optimiser.ask() for _ in range(POPULATION)]
        results = [(point, value(point)) for point in points]
        optimiser.tell(results)
        best = min([best, *((v, p) for p, v in results)], key=lambda pair: pair[0])
    return gains_of(axis, best[1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Tune for one plant and write gains, cost and held-out metrics."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("plant", choices=[name for name in AXES if name not in ALTITUDES])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--gains-of", choices=sorted(AXES), help="take over those of a plant that is alike"
    )
    args = parser.parse_args(arguments)
    axis = AXES[args.plant]
    gains = own_gains(args.gains_of) if args.gains_of else tune(axis, TUNING_SEED)
    held_out = fly_pid_axis(axis, gains, HELD_OUT_SEEDS[:HELD_OUT])
    without_integral = fly_pid_axis(axis, replace(gains, ki=0.0), HELD_OUT_SEEDS[:HELD_OUT])
    result = {
        "command": " ".join(
            [
                f"python -m spikeloop.control.pid.axis_tuning {args.plant}",
                *([f"--gains-of {args.gains_of}"] if args.gains_of else []),
            ]
        ),
        "environment": axis.environment,
        "unit": axis.unit,
        "seed": TUNING_SEED,
        "gains": asdict(gains),
        "cost_training": cost(
            scaled_metrics(axis, fly_pid_axis(axis, gains, TRAINING_SEEDS[:EPISODES]))
        ),
        "cost_held_out": cost(scaled_metrics(axis, held_out)),
        "held_out": asdict(axis_metrics(axis, held_out)),
        "held_out_without_integral": asdict(axis_metrics(axis, without_integral)),
        "held_out_seeds": [HELD_OUT_SEEDS[0], HELD_OUT_SEEDS[HELD_OUT - 1]],
    }
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
