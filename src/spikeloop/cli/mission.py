"""Fly a mission in simulation, each node as a process of its own.

Examples:
  spikeloop mission blimp_altitude
  spikeloop mission blimp_altitude --seed 3 --report out/
  spikeloop mission blimp_altitude controller:=pid --realtime

"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikeloop.launching.description import MissionOptions

HELP = "fly a mission in simulation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", help="mission; `spikeloop missions` lists them")
    parser.add_argument("swap", nargs="*", metavar="SLOT:=NODE", help="another node for a slot")
    parser.add_argument("--seed", type=int, default=0, help="seed of the simulator (default 0)")
    parser.add_argument("--seeds", type=int, metavar="COUNT", help="fly seeds 0 to COUNT-1")
    parser.add_argument("--duration", type=float, default=0.0, help="simulated time, s")
    parser.add_argument("--realtime", action="store_true", help="by the wall clock")
    parser.add_argument(
        "--pace",
        type=float,
        default=0.0,
        metavar="X",
        help="with --realtime, seconds of the world in one of the clock's (default: the "
        "mission's own, else 1)",
    )
    parser.add_argument("--report", type=Path, metavar="DIR", help="folder for the report")
    parser.add_argument(
        "--no-compare",
        action="store_true",
        help="leave out what the report of a lockstep flight compares it with",
    )
    parser.add_argument(
        "--respawn",
        action="append",
        default=[],
        metavar="SLOT",
        help="start this slot's node again if it dies, instead of ending the mission",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="TOPIC:KIND@START+DURATION",
        help="sensor fault (nan, inf, frozen, stale, silent), such as altitude:nan@12+2",
    )


def run(args: argparse.Namespace) -> int:
    """Fly; 0 only if the criteria hold (with --seeds: in 90 % of the flights)."""
    from spikeloop.loop.flight import INTERRUPTED
    from spikeloop.loop.mission import MissionError

    if args.pace and not args.realtime:
        raise MissionError("--pace is for --realtime; in lockstep the world waits for its nodes")
    swaps = {}
    for pair in args.swap:
        name, found, node = pair.partition(":=")
        if not found:
            raise MissionError(f"'{pair}' must have the form SLOT:=NODE")
        swaps[name] = node
    if args.seeds is None:
        return 0 if _fly(args, swaps, args.seed, args.report)["success"] else 1
    reports: list[dict[str, Any]] = []
    for seed in range(args.seeds):
        folder = args.report / f"seed_{seed}" if args.report else None
        reports.append(_fly(args, swaps, seed, folder))
        if reports[-1]["failure"] in INTERRUPTED:
            print(f"ended by a signal after {len(reports)} of {args.seeds} flights")
            break
    won = sum(report["success"] for report in reports)
    print(f"{won} of {args.seeds} flights succeeded")
    if args.report:
        from spikeloop.loop.summary import write_summary

        write_summary(args.report, reports)
        print(f"report: {args.report / 'report.html'}")
    return 0 if won >= 0.9 * args.seeds else 1


def _fly(
    args: argparse.Namespace, swaps: dict[str, str], seed: int, folder: Path | None
) -> dict[str, Any]:
    from spikeloop.launching.description import MissionOptions, fly
    from spikeloop.loop.flight import write_report
    from spikeloop.loop.report import write_page

    with tempfile.TemporaryDirectory() as scratch:
        target = folder or Path(scratch)
        options = MissionOptions(
            seed,
            args.duration,
            args.realtime,
            args.pace,
            str(target.resolve()),
            tuple(args.fault),
            tuple(args.respawn),
            record=folder is not None,
        )
        report = fly(args.name, swaps, options)
        _print_verdict(report)
        if folder is not None:
            if not (args.realtime or args.no_compare):
                _compare(args.name, swaps, options, report)
                write_report(target, report)
            write_page(target)
            print(f"report: {folder / 'report.html'}")
    return report


def _compare(
    name: str, swaps: dict[str, str], options: MissionOptions, report: dict[str, Any]
) -> None:
    """Fly what the mission is compared with, and add it to the report."""
    from spikeloop.launching.comparison import compared

    report["comparison"] = []
    for other in compared(name, swaps, options):
        report["comparison"].append(other)
        verdict = "succeeded" if other["success"] else "failed"
        print(f"  compared: {other['label']}, seed {options.seed}: {verdict}", flush=True)


def _print_verdict(report: dict[str, Any]) -> None:
    for entry in report["criteria"]:
        mark = "held  " if entry["held"] else "BROKEN"
        value = "never" if entry["value"] is None else f"{entry['value']:.2f} {entry['unit']}"
        bound = f"{'at least' if entry.get('least') else 'bound'} {entry['bound']:g}"
        print(f"  {mark} {entry['name']} {value} ({bound} {entry['unit']})")
    verdict = "succeeded" if report["success"] else f"FAILED: {report['failure'] or 'see criteria'}"
    print(f"mission {report['mission']}, seed {report['seed']}: {verdict}", flush=True)
