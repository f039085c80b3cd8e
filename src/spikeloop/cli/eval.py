"""Measure a task on what it was never trained on, with the baselines beside.

Examples:
  spikeloop eval pid
  spikeloop eval pid --json pid.json

"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

HELP = "measure a task on its held-out split"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; those behind the name are the task's."""
    parser.add_argument("name", help="task, such as pid")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="see `spikeloop eval NAME -h`")


def run(args: argparse.Namespace) -> int:
    """Measure, print, and write the flat metrics."""
    from spikeloop.parallel import add_arguments as add_parallel
    from spikeloop.tasks import task

    module = task(args.name, "evaluate")
    parser = argparse.ArgumentParser(
        prog=f"spikeloop eval {args.name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the metrics here")
    parser.add_argument("--data", type=Path, metavar="PATH", help="another data set")
    parser.add_argument("--quick", action="store_true", help="only as much as shows that it runs")
    add_parallel(parser, workers=2)
    module.add_eval_arguments(parser)
    chosen = parser.parse_args(args.options)
    metrics, meta = module.evaluate(chosen)
    for name, value in metrics.items():
        print(f"{name:40}{value:14.4f}")
    if chosen.json:
        text = json.dumps({**metrics, "meta": {"task": args.name, **meta}}, indent=1)
        chosen.json.write_text(text + "\n", encoding="utf-8")
    return 0
