"""Train a task's model; `spikeloop train NAME --help` says what it takes.

Examples:
  spikeloop train pid
  spikeloop train pid --seed 2 --workers 2 --out out/second

"""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "train a task's model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; those behind the name are the task's."""
    parser.add_argument("name", help="task, such as pid")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="see `spikeloop train NAME -h`")


def run(args: argparse.Namespace) -> int:
    """Train; the task's own exit code."""
    from spikeloop.parallel import add_arguments as add_parallel
    from spikeloop.tasks import task

    module = task(args.name, "train")
    parser = argparse.ArgumentParser(
        prog=f"spikeloop train {args.name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for results, checkpoints")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything (default 1)")
    parser.add_argument("--quick", action="store_true", help="only as much as shows that it runs")
    add_parallel(parser, workers=2)
    module.add_train_arguments(parser)
    return int(module.train(parser.parse_args(args.options)))
