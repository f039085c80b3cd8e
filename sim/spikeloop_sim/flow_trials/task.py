"""The task `flow` of `spikeloop eval`: flow from events against the true flow.

Examples:
  spikeloop eval flow
  spikeloop eval flow --json flow.json
  spikeloop eval flow --worlds corridor road --seeds 1000003 --seconds 4

"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from spikeloop.parallel import run_all
from spikeloop.tasks import TaskError

NAME = "flow"
TEXT = "optical flow from events by local planes, against simulated truth"
WORLDS = ("corridor", "office", "road")
SEEDS = (1_000_001, 1_000_002)
SECONDS, QUICK_SECONDS = 3.0, 0.4


def add_eval_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `eval` takes beside the usual."""
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS), help="where it drives")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS), help="of the worlds")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of a drive")


def evaluate(args: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    """Each drive, and the means over the drives."""
    from spikeloop_sim.flow_trials.trial import trial
    from spikeloop_sim.worlds.catalogue import WorldError

    if args.data is not None:
        raise TaskError("--data: this task has no data set, its drives are simulated")
    seconds = QUICK_SECONDS if args.quick else args.seconds
    if not seconds >= QUICK_SECONDS:
        raise TaskError(f"--seconds: at least {QUICK_SECONDS}, not {seconds}")
    jobs = [(world, seed, seconds) for world in args.worlds for seed in args.seeds]
    try:
        found = run_all(trial, jobs, workers=args.workers, cluster=args.cluster)
    except WorldError as error:
        raise TaskError(f"--worlds: {error}") from error
    metrics = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
    for (world, seed, _), one in zip(jobs, found, strict=True):
        metrics |= {f"{world}_{seed}_{name}": value for name, value in one.items()}
    meta = {
        "worlds": args.worlds,
        "seeds": args.seeds,
        "seconds": seconds,
        "quick": args.quick,
        "figures": "medians over pixels with events of 20 ms; outliers: 3 pixels in 20 ms",
    }
    return metrics, meta
