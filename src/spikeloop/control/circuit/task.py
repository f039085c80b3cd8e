"""The task `circuit`: the swimming circuit of a worm against a perceptron, on two swimmers.

Examples:
  spikeloop train circuit --suite gymnasium
  spikeloop train circuit --suite dm_control --links 6 --kinds spiking --seeds 1 --out out/worm
  spikeloop eval circuit --json circuit.json

"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from spikeloop.tasks import TaskError, source_commit

NAME = "circuit"
TEXT = "the swimming circuit of C. elegans, spiking and graded, against a perceptron"
SUITES = {"gymnasium": (3, 80.0), "dm_control": (6, 60.0)}
"""Links of the body, and decisions of the oscillator's period: the paper's of 1.8 s for its
body; for Gymnasium's the best of 20, 30, 40, 50, 60, 80 and 100 with the initial weights."""
CIRCUITS = ("proprioceptive", "proprioceptive_graded", "spiking", "graded")
USUAL_KINDS = (*CIRCUITS, "perceptron")
KINDS = (*USUAL_KINDS, "unsigned")
QUICK_GENERATIONS, QUICK_PAIRS = 2, 2
WEIGHTS = "circuit"


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `train` takes beside the usual."""
    parser.add_argument("--suite", choices=tuple(SUITES), required=True, help="whose swimmer")
    parser.add_argument("--links", type=int, help="of its body (default 3 and 6)")
    parser.add_argument("--cycle", type=float, help="decisions of the oscillator's period")
    parser.add_argument(
        "--kinds",
        nargs="+",
        choices=KINDS,
        default=list(USUAL_KINDS),
        help=f"what learns (default {' '.join(USUAL_KINDS)}); spiking and graded have the "
        "paper's oscillator, unsigned too, with signs at random and free, as an ablation",
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="how many training seeds, from --seed on (default 3)"
    )
    parser.add_argument("--generations", type=int, help="of the search, instead of the kind's own")
    parser.add_argument("--add-to", help="weights that the new ones are added to, by path")


def train(args: argparse.Namespace) -> int:
    """Learn each kind for each seed; interrupted, it goes on from the checkpoints in --out."""
    from spikeloop.control.circuit.bodies import BodyError, body_of
    from spikeloop.control.circuit.learning import USUAL, learn
    from spikeloop.control.circuit.storage import read, save

    usual_links, usual_cycle = SUITES[args.suite]
    cycle = args.cycle or usual_cycle
    try:
        body = body_of(args.suite, args.links or usual_links)
    except BodyError as error:
        raise TaskError(f"--suite {args.suite}: {error}") from error
    out: Path = args.out or Path("out") / f"train_{NAME}_{args.suite}"
    arrays: dict[str, Any] = read(args.add_to) if args.add_to else {}
    note: dict[str, Any] = _note(Path(args.add_to)) if args.add_to else {}
    searches = {}
    for kind in args.kinds:
        search = USUAL[kind]
        if args.generations:
            search = replace(search, generations=args.generations)
        if args.quick:
            search = replace(search, generations=QUICK_GENERATIONS, pairs=QUICK_PAIRS)
        searches[kind] = asdict(search)
        for seed in range(args.seed, args.seed + args.seeds):

            def tell(samples: int, value: float, kind: str = kind, seed: int = seed) -> None:
                print(f"{body.name}, {kind}, seed {seed}: {samples} episodes, {value:.1f}")

            path = out / f"{body.name.replace(' ', '_')}_{kind}_{seed}.npz"
            learned = learn(kind, body, cycle, search, seed, path, tell)
            name = f"{body.name}/{kind}/{seed}"
            arrays[name] = learned.weights
            arrays[f"{name}/curve"] = _stacked(learned.samples, learned.returns)
    made = {
        "command": _command(args),
        "commit": source_commit(),
        "seeds": list(range(args.seed, args.seed + args.seeds)),
        "cycle": cycle,
    }
    kinds = {kind: {**made, "search": search} for kind, search in searches.items()}
    note[body.name] = {**note.get(body.name, {}), **kinds}
    save(out / f"{WEIGHTS}.npz", arrays, note)
    print(f"{out / WEIGHTS}.npz and .json written")
    return 0


def _stacked(*rows: Any) -> Any:
    import numpy as np

    return np.stack(rows)


def _note(path: Path) -> dict[str, Any]:
    import json

    return dict(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))


def _command(args: argparse.Namespace) -> str:
    """What repeats the run."""
    parts = [f"spikeloop train {NAME} --suite {args.suite} --seed {args.seed}"]
    parts.append(f"--seeds {args.seeds} --kinds {' '.join(args.kinds)}")
    for name in ("links", "cycle", "generations"):
        value = getattr(args, name)
        if value:
            parts.append(f"--{name} {value:g}")
    return " ".join([*parts, *(["--quick"] if args.quick else [])])


def add_eval_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `eval` takes beside the usual."""
    parser.add_argument("--suite", choices=tuple(SUITES), help="only this one (default: all)")
    parser.add_argument("--weights", default=WEIGHTS, help="other swimmers than those in weights/")


def evaluate(args: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    """Swim from the test starts; flat metrics, and what they were measured with."""
    from spikeloop.control.circuit import evaluation
    from spikeloop.control.circuit.bodies import BodyError, body_of
    from spikeloop.control.circuit.storage import read

    if args.data is not None:
        raise TaskError("--data: this task has no data set, its episodes are simulated")
    arrays = read(args.weights)
    metrics: dict[str, float] = {}
    left_out = []
    for suite, (links, cycle) in SUITES.items():
        if args.suite not in (None, suite):
            continue
        try:
            body = body_of(suite, links)
        except BodyError as error:
            left_out.append(str(error))
            continue
        found = evaluation.measure_body(body, cycle, arrays, args.quick)
        names = {kind: f"{body.name}/{kind}/1" for kind in CIRCUITS}
        circuits = {kind: arrays[name] for kind, name in names.items() if name in arrays}
        found |= evaluation.transfer(suite, cycle, circuits, args.quick)
        metrics |= {f"{suite}_{key}": value for key, value in found.items()}
    if not metrics:
        raise TaskError(f"nothing to evaluate: {'; '.join(left_out)}")
    for name, worst, part in (
        ("ncap_vs_mlp", min, "_proprioceptive_vs_mlp"),
        ("ncap_oscillator_vs_mlp", min, "_spiking_vs_mlp"),
        ("ncap_params_ratio", max, "_params_ratio"),
    ):
        metrics[name] = worst(value for key, value in metrics.items() if key.endswith(part))
    return metrics, {
        "first_start": evaluation.TEST_STARTS,
        "episodes": evaluation.QUICK_EPISODES if args.quick else evaluation.EPISODES,
        "left_out": left_out,
    }
