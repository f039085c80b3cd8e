"""The task `decision_transformer`: spiking decision transformers, the plain one beside them.

Examples:
  spikeloop train decision_transformer --task cartpole
  spikeloop train decision_transformer --task pendulum --seeds 1 --updates 4000 --out out/pendulum
  spikeloop train decision_transformer --task cartpole --without phase --spiking-alone
  spikeloop eval decision_transformer --json decision_transformer.json
  spikeloop eval decision_transformer --task acrobot --weights out/decision_transformer_acrobot.npz
  spikeloop train decision_transformer --task acrobot --spike-penalty 0.01 --spiking-alone
  spikeloop eval decision_transformer --curve out/*/decision_transformer_acrobot.json --json F.json

"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from spikeloop.control.decision_transformer.config import ModelConfig, TrainingConfig
from spikeloop.parameters import build_config, parameters_of
from spikeloop.tasks import TaskError, source_commit

NAME = "decision_transformer"
TEXT = "spiking decision transformers on four tasks of Gymnasium and the robot in a corridor"
PROBLEM_NAMES = ("cartpole", "mountain_car", "acrobot", "pendulum", "corridor")
PARTS = ("phase", "routing", "plasticity", "attention", "flow")
TRAINING_PARTS = ("plasticity", "flow")
"""Those that aren't switches of the model."""
QUICK_UPDATES, QUICK_EPISODES, QUICK_CORRECTIONS = 20, (4, 2, 2), (1, 1)
ROUND_UPDATES = 1500
"""Most of the learner that gathers corrections."""


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `train` takes beside the usual."""
    parser.add_argument("--task", choices=PROBLEM_NAMES, required=True, help="what is learned")
    parser.add_argument(
        "--seeds", type=int, default=3, help="how many training seeds, from --seed on (default 3)"
    )
    parser.add_argument(
        "--without",
        action="append",
        choices=PARTS,
        default=[],
        help="train without this part of the spiking model, or the robot's flow, as an ablation",
    )
    parser.add_argument(
        "--spiking-alone",
        action="store_true",
        help="train no plain transformer beside it, as for ablations and curves",
    )
    for config in (ModelConfig, TrainingConfig):
        for name, entry in parameters_of(config).items():
            if entry.kind is not bool:
                parser.add_argument(f"--{name.replace('_', '-')}", type=entry.kind, help=entry.text)


def train(args: argparse.Namespace) -> int:
    """Record data and train both models for each seed; interrupted, it goes on from --out."""
    import torch

    from spikeloop.control.decision_transformer.evaluation import evaluate_problem
    from spikeloop.control.decision_transformer.experts import EXPERTS
    from spikeloop.control.decision_transformer.storage import save

    torch.set_num_threads(1)
    problem = _problem(args)
    model = _configured(ModelConfig, args, {"context": problem.context})
    training = _configured(TrainingConfig, args, {})
    model = replace(model, **{p: False for p in args.without if p not in TRAINING_PARTS})
    training = replace(training, plasticity="plasticity" not in args.without)
    if args.quick:
        training = replace(training, updates=min(training.updates, QUICK_UPDATES))
        rounds = QUICK_CORRECTIONS if problem.corrections[0] else (0, 0)
        problem = replace(problem, episodes=QUICK_EPISODES, corrections=rounds)
    out: Path = args.out or Path("out") / f"train_{NAME}_{args.task}"
    expert = EXPERTS[args.task]()
    arrays: dict[str, Any] = {}
    losses = {}
    for seed in range(args.seed, args.seed + args.seeds):
        kinds = ("spiking",) if args.spiking_alone else ("spiking", "plain")
        source = args.seed if problem.one_recording else seed
        make = _Source(problem, expert, model, training, source, out / f"seed_{source}")
        more, loss = _train_seed(make, seed, out / f"seed_{seed}", kinds)
        arrays |= more
        losses[str(seed)] = loss
    path = out / f"{NAME}_{args.task}.npz"
    sidecar: dict[str, Any] = {
        "command": _command(args),
        "commit": source_commit(),
        "seeds": list(range(args.seed, args.seed + args.seeds)),
        "task": args.task,
        "model": asdict(model),
        "training": asdict(training),
        "data": _data_of(problem),
        "loss": losses,
    }
    save(path, arrays, sidecar)
    sidecar["test"] = evaluate_problem(problem, path, args.quick)
    save(path, arrays, sidecar)
    for name, value in sidecar["test"].items():
        print(f"{name:36}{value:12.4f}")
    print(f"{path} and {path.with_suffix('.json')} written")
    return 0


@dataclass(frozen=True)
class _Source:
    """What a seed is trained from, and how.

    Attributes:
        problem, expert, model, training: as the arguments want them.
        seed: of the data.
        folder: where they are kept.

    """

    problem: Any
    expert: Any
    model: ModelConfig
    training: TrainingConfig
    seed: int
    folder: Path

    def data(self) -> Any:
        """The recordings, with corrections where the problem asks for some."""
        from spikeloop.control.decision_transformer.corrections import with_corrections
        from spikeloop.control.decision_transformer.training import train as train_model
        from spikeloop.control.decision_transformer.trajectories import kept

        short = replace(self.training, updates=min(self.training.updates, ROUND_UPDATES))

        def learn(data: Any, scaling: Any) -> Any:
            print(f"{self.problem.name}: a learner for corrections", flush=True)
            return train_model("spiking", self.problem, data, scaling, self.model, short, self.seed)

        recorded = kept(self.folder / "data.npz", self.problem, self.seed, self.expert)
        return with_corrections(self.problem, recorded, self.seed, self.folder, self.expert, learn)


def _train_seed(
    source: _Source, seed: int, folder: Path, kinds: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, float]]:
    """Arrays and last losses of one seed, from `folder` where they were trained before."""
    from spikeloop.control.decision_transformer.scaling import scaling_of
    from spikeloop.control.decision_transformer.storage import (
        Trained,
        arrays_of,
        read_arrays,
        save,
    )
    from spikeloop.control.decision_transformer.training import train as train_model

    arrays: dict[str, Any] = {}
    losses: dict[str, float] = {}
    problem, model, training = source.problem, source.model, source.training
    data = None
    for kind in kinds:
        path = folder / f"{kind}.npz"
        wanted = {
            "model": asdict(model),
            "training": asdict(training),
            "data": _data_of(problem),
        }
        if _was_made_so(path, wanted):
            arrays |= read_arrays(path)
            continue
        data = data or source.data()
        scaling = scaling_of(data)
        began = time.monotonic()

        def tell(update: int, loss: float, kind: str = kind, began: float = began) -> None:
            losses[kind] = loss
            print(
                f"{problem.name}, seed {seed}, {kind}: update {update} of {training.updates}, "
                f"loss {loss:.4f}, {time.monotonic() - began:.0f} s",
                flush=True,
            )

        trained = train_model(kind, problem, data, scaling, model, training, seed, tell)
        own = arrays_of(kind, seed, Trained(trained, scaling))
        save(path, own, wanted)
        arrays |= own
    return arrays, losses


def _data_of(problem: Any) -> dict[str, Any]:
    """What is recorded, for the file beside the weights."""
    return {
        "episodes": list(problem.episodes),
        "kinds": ["expert", "medium", "random"],
        "corrections": list(problem.corrections),
    }


def _problem(args: argparse.Namespace) -> Any:
    """The task, as its arguments want it."""
    from spikeloop.control.decision_transformer.problems import problem_of, without_flow

    problem = problem_of(args.task)
    if "flow" not in args.without:
        return problem
    try:
        return without_flow(problem)
    except ValueError as error:
        raise TaskError(f"--without flow: {error}") from error


def _was_made_so(path: Path, wanted: dict[str, Any]) -> bool:
    import json

    note = path.with_suffix(".json")
    if not (path.is_file() and note.is_file()):
        return False
    return bool(json.loads(note.read_text(encoding="utf-8")) == wanted)


def add_eval_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `eval` takes beside the usual."""
    parser.add_argument("--task", choices=PROBLEM_NAMES, help="only this one (default: all)")
    parser.add_argument("--weights", help="other networks than the task's own in weights/")
    parser.add_argument(
        "--curve",
        nargs="+",
        type=Path,
        metavar="SIDECAR",
        help="instead, the return against the spikes of networks that were trained with several "
        "spike penalties, from the .json beside them; draws FILE.svg beside FILE",
    )


def _curve(args: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    from spikeloop.control.decision_transformer import spike_curve

    try:
        points = spike_curve.read_points(args.curve)
    except spike_curve.SpikeCurveError as error:
        raise TaskError(str(error)) from error
    if args.json:
        args.json.with_suffix(".svg").write_text(spike_curve.curve_svg(points), encoding="utf-8")
    return spike_curve.metrics_of(points), {"curve": [str(path) for path in args.curve]}


def evaluate(args: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    """Play both models on the test starts; flat metrics, and what they were measured with."""
    if args.curve:
        return _curve(args)
    import torch

    from spikeloop.control.decision_transformer import evaluation
    from spikeloop.control.decision_transformer.problems import problem_of
    from spikeloop.control.decision_transformer.storage import file_of

    torch.set_num_threads(1)
    if args.data is not None:
        raise TaskError("--data: this task has no data set, its episodes are simulated")
    if args.weights and args.task is None:
        raise TaskError("--weights: say by --task what they are for")
    metrics: dict[str, float] = {}
    names = PROBLEM_NAMES if args.task is None else (args.task,)
    for name in names:
        problem = problem_of(name)
        path = file_of(problem, args.weights or "")
        found = evaluation.evaluate_problem(problem, path, args.quick)
        metrics |= {f"{name}_{key}": value for key, value in found.items()}
    for key, worst in (("spikes_per_decision", max), ("decision_p99_ms", max)):
        metrics[key] = worst(v for name, v in metrics.items() if name.endswith(key))
    meta = {
        "first_start": evaluation.TEST_STARTS,
        "starts": {
            name: evaluation.QUICK_EPISODES if args.quick else problem_of(name).test_episodes
            for name in names
        },
    }
    return metrics, meta


def _configured(kind: type[Any], args: argparse.Namespace, usual: dict[str, Any]) -> Any:
    names = [name for name, entry in parameters_of(kind).items() if entry.kind is not bool]
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    return build_config(kind, usual | given, f"train {NAME}: ")


def _command(args: argparse.Namespace) -> str:
    """What repeats the run."""
    parts = [f"spikeloop train {NAME} --task {args.task} --seed {args.seed} --seeds {args.seeds}"]
    for config in (ModelConfig, TrainingConfig):
        for name, entry in parameters_of(config).items():
            value = None if entry.kind is bool else getattr(args, name)
            if value is not None:
                parts.append(f"--{name.replace('_', '-')} {value}")
    parts += [f"--without {part}" for part in args.without]
    parts += ["--spiking-alone"] * args.spiking_alone
    return " ".join([*parts, *(["--quick"] if args.quick else [])])
