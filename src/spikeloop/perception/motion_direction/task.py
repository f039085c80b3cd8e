"""The task `delays`: what delays of synapses are for, on coincidences and on visual motion.

Examples:
  spikeloop train delays
  spikeloop train delays --seed 2 --out out/delays_2
  spikeloop eval delays --json delays.json
  spikeloop eval delays --weights out/delays_2/delay_motion.npz --no-coincidence

"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloop.tasks import TaskError, source_commit

if TYPE_CHECKING:
    from spikeloop.snn.robustness.bench import Classifier

NAME = "delays"
TEXT = "coincidence patterns, and direction and speed of motion, by synapses with delays"
PRUNED = "_pruned"


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `train` takes beside the usual."""
    parser.add_argument("--epochs", type=int, help="passes over the movies (default 40)")


def train(args: argparse.Namespace) -> int:
    """Train the motion detector and prune it; interrupted, it goes on from --out."""
    import copy
    from dataclasses import asdict

    import torch

    from spikeloop.parameters import build_config
    from spikeloop.perception.motion_direction.detector import (
        DEFAULT,
        DetectorConfig,
        MotionDetector,
        save_weights,
    )
    from spikeloop.perception.motion_direction.evaluation import detector_metrics
    from spikeloop.perception.motion_direction.training import MotionTraining, prune
    from spikeloop.perception.motion_direction.training import train as fit

    torch.set_num_threads(1)
    given: dict[str, Any] = {"movies": 144, "epochs": 1, "tuning_epochs": 1} if args.quick else {}
    if args.epochs is not None:
        given["epochs"] = args.epochs
    config = build_config(MotionTraining, given, "train delays: ")
    out: Path = args.out or Path("out") / f"train_{NAME}_{args.seed}"
    out.mkdir(parents=True, exist_ok=True)
    detector = MotionDetector(DetectorConfig())
    training = fit(detector, config, args.seed, out)
    notes: dict[str, Any] = {
        "command": f"spikeloop train {NAME} --seed {args.seed}",
        "seed": args.seed,
        "commit": source_commit(),
        "training": asdict(config),
        "validation": training.history[training.best_epoch],
    }
    full = copy.deepcopy(detector)
    last = prune(detector, config, args.seed, out)[-1]
    few = {"synapses": detector.layer.synapses(), "validation": last.history[last.best_epoch]}
    # Only now, when nothing is left to be chosen.
    test = detector_metrics(full, detector, args.quick)
    for one, name, more in ((full, "", {}), (detector, PRUNED, few)):
        own = {k: v for k, v in test.items() if k.startswith("pruned" if name else "motion")}
        save_weights(one, out / f"{DEFAULT}{name}.npz", notes | more | {"test": own})
    print(f"{out / DEFAULT}.npz and {DEFAULT}{PRUNED}.npz written, each with a .json")
    return 0


def add_eval_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `eval` takes beside the usual."""
    parser.add_argument(
        "--weights",
        default="delay_motion",
        help="name in weights/ or path of an .npz, beside which the pruned one lies",
    )
    parser.add_argument("--no-coincidence", action="store_true", help="only the motion detector")
    parser.add_argument("--no-curves", action="store_true", help="leave out untrained pruning")


def evaluate(args: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    """Measure on movies and patterns that no training has seen."""
    import torch

    from spikeloop.perception.motion_direction import evaluation
    from spikeloop.perception.motion_direction.detector import load_detector

    if args.data is not None:
        raise TaskError("--data: this task has no data set, its movies are generated")
    torch.set_num_threads(1)
    full, _ = load_detector(args.weights)
    name = args.weights.removesuffix(".npz")
    pruned, _ = load_detector(f"{name}{PRUNED}{args.weights[len(name) :]}")
    metrics = evaluation.detector_metrics(full, pruned, args.quick)
    if not args.no_curves:
        metrics |= evaluation.curves(full, args.quick)
    if not args.no_coincidence:
        metrics |= evaluation.coincidence_metrics(args.quick)
    motions = full.config.motions()
    meta = {
        "directions": motions.directions,
        "speeds_px_a_step": list(motions.speeds),
        "movies": motions.classes
        * (evaluation.QUICK_PER_MOTION if args.quick else evaluation.PER_MOTION),
        "movie_steps": evaluation.STEPS,
        "chance": 1.0 / motions.classes,
        "weights": args.weights,
        "quick": args.quick,
    }
    return metrics, meta


def classifier(args: argparse.Namespace) -> Classifier:
    """What `eval delays --corruptions` takes apart: the pruned detector on held-out movies."""
    import torch

    from spikeloop.perception.motion_direction.detector import load_detector
    from spikeloop.perception.motion_direction.evaluation import classified

    torch.set_num_threads(1)
    name = args.weights.removesuffix(".npz")
    detector, _ = load_detector(f"{name}{PRUNED}{args.weights[len(name) :]}")
    return classified(detector, args.quick)
