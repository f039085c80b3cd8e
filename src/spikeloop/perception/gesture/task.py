"""The task `gesture`: ten gestures of a simulated hand, in eight steps, in one, or as few as do.

Clips are recorded once, by `spikeloop train gesture --record-only` or when they are first needed,
and kept in the user's cache (or in --data).

Examples:
  spikeloop train gesture --record-only --workers 4
  spikeloop train gesture --out out/gesture
  spikeloop train gesture --out out/gesture --only hoyer
  spikeloop eval gesture --json gesture.json
  spikeloop eval gesture --corruptions --json robustness.json

"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloop.tasks import source_commit

if TYPE_CHECKING:
    from spikeloop.snn.robustness.bench import Classifier

NAME = "gesture"
TEXT = "gestures of a simulated hand, by networks of eight steps and of one"
STEPS_WEIGHTS, HOYER_WEIGHTS = "gesture_steps", "gesture_hoyer"


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `train` takes beside the usual."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the clips")
    parser.add_argument(
        "--record-only", action="store_true", help="record the clips, train nothing"
    )
    parser.add_argument(
        "--only",
        choices=("steps", "hoyer"),
        help="train one network and stop; without it, the same --out takes both up and tests them",
    )


def train(args: argparse.Namespace) -> int:
    """Record what is missing and train; interrupted, it goes on where it was."""
    import torch

    from spikeloop.perception.gesture import training
    from spikeloop.perception.gesture.clips import COUNTS, load_clips
    from spikeloop.perception.gesture.evaluation import metrics
    from spikeloop.perception.gesture.networks import KINDS, save_network

    torch.set_num_threads(1)
    splits = ("training",) if args.only else tuple(COUNTS)
    clips = {split: load_clips(split, args.data, args.quick, args.workers) for split in splits}
    if args.record_only:
        return 0
    out: Path = args.out or Path("out") / f"train_{NAME}_{args.seed}"
    out.mkdir(parents=True, exist_ok=True)
    config = training.GestureTraining()
    if args.quick:
        config = training.GestureTraining(epochs=1, hoyer_epochs=1)
    models, notes = {}, {}
    for kind in (args.only,) if args.only else KINDS:
        folder = out / f"checkpoints_{kind}"
        models[kind], fitted = training.train(kind, clips["training"], config, args.seed, folder)
        notes[kind] = {
            "command": f"spikeloop train {NAME} --seed {args.seed}",
            "seed": args.seed,
            "commit": source_commit(),
            "training": asdict(config),
            "clips": len(clips["training"].labels),
            "picked": fitted.history[fitted.best_epoch],
        }
    if args.only:
        return 0
    found = training.outputs(models["steps"], "steps", clips["validation"])
    notes["steps"]["exits"] = exits = training.choose_exits(*found)
    # Only now, when nothing is left to be chosen.
    test = metrics(models["steps"], models["hoyer"], exits, clips["test"])
    for kind, name in (("steps", STEPS_WEIGHTS), ("hoyer", HOYER_WEIGHTS)):
        own = {k: v for k, v in test.items() if k.startswith("hoyer") == (kind == "hoyer")}
        notes[kind]["test"] = {"clips": len(clips["test"].labels), **own}
        save_network(models[kind], out / f"{name}.npz", notes[kind])
        print(f"{out / name}.npz and .json written")
    return 0


def add_eval_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `eval` takes beside the usual."""
    parser.add_argument(
        "--weights", type=Path, metavar="DIR", help="folder of both networks (default: weights/)"
    )


def _names(folder: Path | None) -> tuple[str, str]:
    if folder is None:
        return STEPS_WEIGHTS, HOYER_WEIGHTS
    return str(folder / f"{STEPS_WEIGHTS}.npz"), str(folder / f"{HOYER_WEIGHTS}.npz")


def evaluate(args: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    """Measure on the test clips, whose seeds no training and no choice has seen."""
    import torch

    from spikeloop.perception.gesture.clips import load_clips
    from spikeloop.perception.gesture.evaluation import metrics
    from spikeloop.perception.gesture.networks import load_network

    torch.set_num_threads(1)
    steps_name, hoyer_name = _names(args.weights)
    steps, notes = load_network("steps", steps_name)
    hoyer, _ = load_network("hoyer", hoyer_name)
    clips = load_clips("test", args.data, args.quick, args.workers)
    found = metrics(steps, hoyer, notes["exits"], clips)
    meta = {
        "clips": len(clips.labels),
        "early_exit_measure": notes["exits"]["measure"],
        "weights": [steps_name, hoyer_name],
        "quick": args.quick,
    }
    return found, meta


def classifier(args: argparse.Namespace) -> Classifier:
    """What `eval gesture --corruptions` takes apart: the network of eight steps on test clips."""
    import torch

    from spikeloop.perception.gesture.clips import load_clips
    from spikeloop.perception.gesture.networks import load_network
    from spikeloop.snn.robustness.bench import Classifier

    torch.set_num_threads(1)
    model, _ = load_network("steps", _names(args.weights)[0])
    clips = load_clips("test", args.data, args.quick, args.workers)
    x = clips.x.transpose(0, 1).float()
    return Classifier(model=model, x=x, labels=clips.labels, most=3)
