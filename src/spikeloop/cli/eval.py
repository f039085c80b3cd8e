"""Measure a task on what it was never trained on, with the baselines beside.

Examples:
  spikeloop eval pid
  spikeloop eval pid --json pid.json
  spikeloop eval gesture --corruptions --json robustness.json

"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from types import ModuleType
from typing import Any

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
    parser.add_argument(
        "--corruptions",
        action="store_true",
        help="instead, how much the task's classifier bears: noise, loss, hot pixels, latency, "
        "attacks; draws FILE.svg beside FILE",
    )
    module.add_eval_arguments(parser)
    chosen = parser.parse_args(args.options)
    if chosen.corruptions:
        metrics, meta = _corrupted(args.name, module, chosen)
    else:
        metrics, meta = module.evaluate(chosen)
    for name, value in metrics.items():
        print(f"{name:40}{value:14.4f}")
    if chosen.json:
        text = json.dumps({**metrics, "meta": {"task": args.name, **meta}}, indent=1)
        chosen.json.write_text(text + "\n", encoding="utf-8")
    return 0


def _corrupted(
    name: str, module: ModuleType, chosen: argparse.Namespace
) -> tuple[dict[str, float], dict[str, Any]]:
    """Put the classifier that a task's `classifier(args)` gives on the bench."""
    from spikeloop.tasks import TaskError, tasks

    if not hasattr(module, "classifier"):
        able = [key for key, value in tasks("evaluate").items() if hasattr(value, "classifier")]
        raise TaskError(
            f"--corruptions: task '{name}' offers no classifier; those that do: {', '.join(able)}"
        )
    from spikeloop.snn.robustness.bench import bench
    from spikeloop.snn.robustness.drawing import curves_svg

    classifier = module.classifier(chosen)
    metrics = bench(classifier, chosen.quick)
    if chosen.json:
        chosen.json.with_suffix(".svg").write_text(curves_svg(metrics), encoding="utf-8")
    return metrics, {"samples": len(classifier.labels), "quick": chosen.quick}
