"""The task `pid` of `spikeloop train` and `spikeloop eval`: spiking networks in place of PIDs.

For your own gains a network is made in seconds, for any of the plants; for the two altitudes
networks can be evolved too, which takes minutes and gives other ones than the PID's equals.

Examples:
  spikeloop train pid --plant quadrotor_roll --kp 1.2 --ki 1.0 --kd 0.2 --derivative-filter 0.03
  spikeloop train pid --plant blimp_heading --kp 2 --ki 0.1 --kd 2.5 --out out/my_gains
  spikeloop train pid --plant blimp --method evolve --seed 2 --workers 2
  spikeloop eval pid --json pid.json
  spikeloop eval pid --plant quadrotor_roll
  spikeloop eval pid --plant blimp --weights out/train/spiking_pid_blimp.npz --no-ablations

"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloop.control.pid.axes import ALTITUDES, AXES
from spikeloop.control.pid.config import GAINS
from spikeloop.parameters import build_config
from spikeloop.tasks import TaskError, source_commit

if TYPE_CHECKING:
    from spikeloop.control.pid.config import PidConfig

NAME = "pid"
TEXT = "spiking networks that replace a PID: altitude, heading and way of a blimp, and others"
METHODS = ("construct", "evolve")


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `train` takes beside the usual."""
    parser.add_argument("--plant", choices=tuple(AXES), default="blimp", help="what is moved")
    parser.add_argument(
        "--method",
        choices=METHODS,
        help="construct: made for the gains, in seconds; evolve: searched for minutes, for the "
        f"altitudes alone ({', '.join(ALTITUDES)}), and usual there",
    )
    parser.add_argument(
        "--reach",
        type=float,
        help="construct: errors beyond it aren't told apart (default: the plant's range)",
    )
    parser.add_argument(
        "--finest",
        type=float,
        help="construct: least change of the command by one spike (default: the plant's own); "
        "less is nearer to the PID, and takes more spikes",
    )
    for name in GAINS:
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=float,
            help=f"{name} of the PID that is imitated (default: the plant's own in weights/)",
        )


def train(args: argparse.Namespace) -> int:
    """Make or evolve networks; an evolution goes on from the checkpoints in --out."""
    method = args.method or ("evolve" if args.plant in ALTITUDES else "construct")
    if method == "evolve" and args.plant not in ALTITUDES:
        raise TaskError(
            f"--method evolve: only for --plant {' or '.join(ALTITUDES)}; use construct"
        )
    for name in ("reach", "finest"):
        if method == "evolve" and getattr(args, name) is not None:
            raise TaskError(f"--{name}: an evolved network finds its own; it is for construct")
    gains, commit = _gains(args), source_commit()
    out: Path = args.out or Path("out") / f"train_{NAME}_{args.plant}_{args.seed}"
    path = out / f"spiking_pid_{args.plant}.npz"
    made = _evolved(args, gains, path) if method == "evolve" else _constructed(args, gains, path)
    metrics, more = made
    sidecar = {
        "command": _command(args, gains, method),
        "commit": commit,
        "seed": args.seed,
        "plant": args.plant,
        "imitated_gains": asdict(gains),
        **more,
        "test": metrics,
    }
    path.with_suffix(".json").write_text(json.dumps(sidecar, indent=1) + "\n", encoding="utf-8")
    _show(metrics)
    print(f"{path} and {path.with_suffix('.json')} written")
    return 0


def _evolved(
    args: argparse.Namespace, gains: PidConfig, path: Path
) -> tuple[dict[str, float], dict[str, Any]]:
    """Evolve, save and measure; the figures, and what else is to be told."""
    from spikeloop.control.pid.plants import Plant
    from spikeloop.control.spiking_pid.evaluation import evaluate_plant
    from spikeloop.control.spiking_pid.evolution import QUICK, Budget, Evolution
    from spikeloop.control.spiking_pid.storage import save_weights

    budget = QUICK if args.quick else Budget()
    plant = Plant(args.plant)
    evolution = Evolution(plant, gains, args.seed, budget, args.workers, path.parent)
    weights, validation_cost = evolution.run()
    save_weights(path, weights)
    metrics = evaluate_plant(args.plant, gains, weights, **_flying(args, ablations=False))
    return metrics, {"budget": asdict(budget), "validation_cost": validation_cost}


def _constructed(
    args: argparse.Namespace, gains: PidConfig, path: Path
) -> tuple[dict[str, float], dict[str, Any]]:
    """Make, save and measure; the figures, and what else is to be told."""
    from spikeloop.control.spiking_pid.axis_evaluation import evaluate_axis
    from spikeloop.control.spiking_pid.storage import save_terms
    from spikeloop.control.spiking_pid.terms import construct

    axis = AXES[args.plant]
    reach = axis.reach if args.reach is None else args.reach
    finest = axis.finest if args.finest is None else args.finest
    try:
        weights = construct(gains, reach, finest=finest)
    except ValueError as error:
        raise TaskError(f"train pid: {error}") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    save_terms(path, weights)
    metrics = evaluate_axis(args.plant, gains, weights, **_flying(args, ablations=False))
    return metrics, {"reach": reach, "finest": finest, "unit": axis.unit}


def _flying(args: argparse.Namespace, ablations: bool) -> dict[str, Any]:
    """How networks are measured, as `evaluate_plant` and `evaluate_axis` take it."""
    return {
        "workers": args.workers,
        "quick": args.quick,
        "ablations": ablations,
        "cluster": args.cluster,
    }


def add_eval_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `eval` takes beside the usual."""
    parser.add_argument("--plant", choices=tuple(AXES), help="only this one (default: all)")
    parser.add_argument("--weights", help="other networks than the plant's own in weights/")
    parser.add_argument("--no-ablations", action="store_true", help="only the two controllers")


def evaluate(args: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    """Fly both controllers on the test seeds; flat metrics, and what they were measured with."""
    from spikeloop.control.spiking_pid import axis_evaluation
    from spikeloop.control.spiking_pid.evaluation import (
        EPISODES,
        EPISODES_OF_VARIANTS,
        TEST_SEEDS,
    )

    if args.data is not None:
        raise TaskError("--data: this task has no data set, its flights are simulated")
    if args.weights and args.plant is None:
        raise TaskError("--weights: say by --plant what they are for")
    metrics: dict[str, float] = {}
    for plant in AXES if args.plant is None else (args.plant,):
        found = _evaluated(args, plant)
        metrics |= {f"{_prefix(plant)}{name}": value for name, value in found.items()}
    meta = {
        "seeds": [TEST_SEEDS[0], TEST_SEEDS[-1]],
        "episodes_a_seed": EPISODES,
        "episodes_a_seed_of_variants": EPISODES_OF_VARIANTS,
        "episodes_a_seed_of_constructed": axis_evaluation.EPISODES,
        "quick": args.quick,
    }
    return metrics, meta


def _prefix(plant: str) -> str:
    """Of the names of a plant's figures; the two altitudes keep those that they always had."""
    return {"blimp": "", "identified_blimp": "plant2_"}.get(plant, f"{plant}_")


def _evaluated(args: argparse.Namespace, plant: str) -> dict[str, float]:
    from spikeloop.control.spiking_pid.axis_evaluation import evaluate_axis
    from spikeloop.control.spiking_pid.evaluation import evaluate_plant, reference_gains
    from spikeloop.control.spiking_pid.network import Weights
    from spikeloop.control.spiking_pid.storage import load_any

    weights, gains = load_any(args.weights or f"spiking_pid_{plant}"), reference_gains(plant)
    options = _flying(args, ablations=not args.no_ablations)
    if not isinstance(weights, Weights):
        return evaluate_axis(plant, gains, weights, **options)
    if plant not in ALTITUDES:
        raise TaskError(f"--weights: these are for {' or '.join(ALTITUDES)}, not for {plant}")
    return evaluate_plant(plant, gains, weights, **options)


def _gains(args: argparse.Namespace) -> PidConfig:
    from spikeloop.control.pid.config import PidConfig
    from spikeloop.control.spiking_pid.evaluation import reference_gains

    given = {name: getattr(args, name) for name in GAINS if getattr(args, name) is not None}
    if len(given) == len(GAINS):
        usual = PidConfig(period=AXES[args.plant].period_s)
    else:
        usual = reference_gains(args.plant)
    return build_config(PidConfig, asdict(usual) | given, "train pid: ")


def _command(args: argparse.Namespace, gains: PidConfig, method: str) -> str:
    """What repeats the run, also when other gains have become the plant's own."""
    options = [f"--{name.replace('_', '-')} {getattr(gains, name):g}" for name in GAINS]
    given = [(name, getattr(args, name)) for name in ("reach", "finest")]
    more = [f"--{name} {value:g}" for name, value in given if value is not None]
    more += ["--quick"] if args.quick else []
    base = f"spikeloop train {NAME} --plant {args.plant} --method {method} --seed {args.seed}"
    return " ".join([base, *options, *more])


def _show(metrics: dict[str, float]) -> None:
    for name, value in metrics.items():
        print(f"{name:36}{value:12.4f}")
