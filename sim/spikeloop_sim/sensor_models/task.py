"""The task `sensors` of `spikeloop eval`: models of LiDAR and IMU against recordings.

Examples:
  spikeloop eval sensors
  spikeloop eval sensors --data tests/data --json sensors.json

"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

NAME = "sensors"
TEXT = "simulated LiDAR and IMU against recordings of real ones, by the same statistics"
SEED = 1_000_000
USUAL = Path("tests/data")


def add_eval_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `eval` takes beside the usual."""
    parser.add_argument("--seed-of-world", type=int, default=SEED, help="of the simulated scans")


def evaluate(args: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    """Statistics of both; `real_` is recorded, `office_` and `route_` are simulated."""
    from spikeloop_sim.sensor_models.comparison import imu_figures, lidar_figures
    from spikeloop_sim.sensor_models.white_noise import white_noise_figures

    data = Path(args.data) if args.data is not None else USUAL
    figures = lidar_figures(data, args.seed_of_world) | imu_figures(data, args.seed_of_world)
    figures |= white_noise_figures(data, args.seed_of_world)
    return figures, {"data": str(data), "seed": args.seed_of_world}
