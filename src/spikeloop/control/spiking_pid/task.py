"""The task `pid` of `spikeloop train` and `spikeloop eval`: altitude control by spiking networks.

Examples:
  spikeloop train pid
  spikeloop train pid --plant identified_blimp --seed 2 --workers 2
  spikeloop train pid --kp 1.2 --ki 0.05 --kd 2.0 --out out/my_gains
  spikeloop eval pid --json pid.json
  spikeloop eval pid --plant blimp --weights out/train/spiking_pid_blimp.npz --no-ablations

"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloop.parameters import build_config
from spikeloop.tasks import TaskError, source_commit

if TYPE_CHECKING:
    from spikeloop.control.pid.config import PidConfig

NAME = "pid"
TEXT = "spiking networks that replace the PID on the blimp's altitude"
PLANTS = ("blimp", "identified_blimp")
GAINS = ("kp", "ki", "kd", "derivative_filter")


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `train` takes beside the usual."""
    parser.add_argument("--plant", choices=PLANTS, default="blimp", help="what is flown")
    for name in GAINS:
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=float,
            help=f"{name} of the PID that is imitated (default: the plant's own in weights/)",
        )


def train(args: argparse.Namespace) -> int:
    """Evolve networks; interrupted, it goes on from the checkpoints in --out."""
    from spikeloop.control.pid.plants import Plant
    from spikeloop.control.spiking_pid.evaluation import evaluate_plant
    from spikeloop.control.spiking_pid.evolution import QUICK, Budget, Evolution
    from spikeloop.control.spiking_pid.storage import save_weights

    gains, commit = _gains(args), source_commit()
    budget = QUICK if args.quick else Budget()
    out: Path = args.out or Path("out") / f"train_{NAME}_{args.plant}_{args.seed}"
    evolution = Evolution(Plant(args.plant), gains, args.seed, budget, args.workers, out)
    weights, validation_cost = evolution.run()
    path = out / f"spiking_pid_{args.plant}.npz"
    save_weights(path, weights)
    metrics = evaluate_plant(
        args.plant,
        gains,
        weights,
        workers=args.workers,
        quick=args.quick,
        ablations=False,
        cluster=args.cluster,
    )
    sidecar = {
        "command": _command(args, gains),
        "commit": commit,
        "seed": args.seed,
        "plant": args.plant,
        "imitated_gains": asdict(gains),
        "budget": asdict(budget),
        "validation_cost": validation_cost,
        "test": metrics,
    }
    path.with_suffix(".json").write_text(json.dumps(sidecar, indent=1) + "\n", encoding="utf-8")
    _show(metrics)
    print(f"{path} and {path.with_suffix('.json')} written")
    return 0


def add_eval_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `eval` takes beside the usual."""
    parser.add_argument("--plant", choices=PLANTS, help="only this one (default: both)")
    parser.add_argument("--weights", help="other networks than the plant's own in weights/")
    parser.add_argument("--no-ablations", action="store_true", help="only the two controllers")


def evaluate(args: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    """Fly both controllers on the test seeds; flat metrics, and what they were measured with."""
    from spikeloop.control.spiking_pid.evaluation import (
        EPISODES,
        EPISODES_OF_VARIANTS,
        TEST_SEEDS,
        evaluate_plant,
        reference_gains,
    )
    from spikeloop.control.spiking_pid.storage import load_weights

    if args.data is not None:
        raise TaskError("--data: this task has no data set, its flights are simulated")
    if args.weights and args.plant is None:
        raise TaskError("--weights: say by --plant what they are for")
    metrics: dict[str, float] = {}
    for plant in PLANTS if args.plant is None else (args.plant,):
        found = evaluate_plant(
            plant,
            reference_gains(plant),
            load_weights(args.weights or f"spiking_pid_{plant}"),
            workers=args.workers,
            quick=args.quick,
            ablations=not args.no_ablations,
            cluster=args.cluster,
        )
        prefix = "" if plant == "blimp" else "plant2_"
        metrics |= {f"{prefix}{name}": value for name, value in found.items()}
    meta = {
        "seeds": [TEST_SEEDS[0], TEST_SEEDS[-1]],
        "episodes_a_seed": EPISODES,
        "episodes_a_seed_of_variants": EPISODES_OF_VARIANTS,
        "quick": args.quick,
    }
    return metrics, meta


def _gains(args: argparse.Namespace) -> PidConfig:
    from spikeloop.control.pid.config import PidConfig
    from spikeloop.control.spiking_pid.evaluation import reference_gains

    given = {name: getattr(args, name) for name in GAINS if getattr(args, name) is not None}
    return build_config(PidConfig, asdict(reference_gains(args.plant)) | given, "train pid: ")


def _command(args: argparse.Namespace, gains: PidConfig) -> str:
    """What repeats the run, also when other gains have become the plant's own."""
    options = [f"--{name.replace('_', '-')} {getattr(gains, name):g}" for name in GAINS]
    quick = ["--quick"] if args.quick else []
    base = f"spikeloop train {NAME} --plant {args.plant} --seed {args.seed}"
    return " ".join([base, *options, *quick])


def _show(metrics: dict[str, float]) -> None:
    for name, value in metrics.items():
        print(f"{name:36}{value:12.4f}")
