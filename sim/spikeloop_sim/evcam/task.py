"""The task `evcam` of `spikeloop eval`: the simulated event camera against brute force.

Examples:
  spikeloop eval evcam
  spikeloop eval evcam --json evcam.json
  spikeloop eval evcam --motions mixed object --seeds 11

"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from spikeloop.parallel import run_all
from spikeloop.tasks import TaskError

NAME = "evcam"
TEXT = "events interpolated between pictures against events from pictures at 2 kHz"
SEEDS = (21, 22)
DURATION_US, QUICK_US = 312_000, 72_000
POINTS = 400


def add_eval_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `eval` takes beside the usual."""
    from spikeloop_sim.evcam.scenes import MOTIONS

    parser.add_argument(
        "--motions", nargs="+", choices=list(MOTIONS), default=list(MOTIONS), help="only these"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS), help="of the rooms")
    parser.add_argument("--no-light", action="store_true", help="leave out the curves over light")


def evaluate(args: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    """Compare each motion in each room; the worst of them, and each one."""
    from spikeloop_sim.evcam.evaluation import compare, light_curve, truth_errors

    if args.data is not None:
        raise TaskError("--data: this task has no data set, its scenes are simulated")
    duration_us = QUICK_US if args.quick else DURATION_US
    jobs = [(motion, seed) for motion in args.motions for seed in args.seeds]
    # Each job in a process of its own kind, so that none inherits a context that it can't use.
    work: list[tuple[Any, ...]] = [(compare, motion, seed, duration_us) for motion, seed in jobs]
    work += [(truth_errors, motion, seed, POINTS) for motion, seed in jobs]
    if not args.no_light:
        work.append((light_curve, args.seeds[0], duration_us))
    found = run_all(_called, work, workers=args.workers, cluster=args.cluster)
    agreed, checked = found[: len(jobs)], found[len(jobs) : 2 * len(jobs)]
    light = {} if args.no_light else found[-1]
    each = {
        f"{motion}_{seed}_{name}": value
        for (motion, seed), one, other in zip(jobs, agreed, checked, strict=True)
        for name, value in (one | other).items()
    }
    metrics = _worst(jobs, agreed) | {
        name: max(one[name] for one in checked)
        for name in ("flow_error_pct", "depth_error_pct", "disparity_error_pct")
    }
    meta = {
        "seeds": args.seeds,
        "duration_us": duration_us,
        "reference": "2 kHz, 2 x 2 samples a pixel",
        "quick": args.quick,
    }
    return metrics | each | light, meta


def _called(function: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    return function(*arguments)


def _worst(jobs: list[tuple[str, int]], agreed: list[dict[str, float]]) -> dict[str, float]:
    """Over the camera's motions and, apart, the moving object; timing and F1 over all."""
    by = {
        "count_error_pct": [r for (m, _), r in zip(jobs, agreed, strict=True) if m != "object"],
        "object_count_error_pct": [
            r for (m, _), r in zip(jobs, agreed, strict=True) if m == "object"
        ],
    }
    worst = {
        name: max(abs(one["count_error_pct"]) for one in rows) for name, rows in by.items() if rows
    }
    worst["time_error_px"] = max(one["time_error_px"] for one in agreed)
    worst["f1"] = min(one["f1"] for one in agreed)
    return worst
