"""Measure speed, with the peer in the same run.

Examples:
  spikeloop bench runtime
  spikeloop bench runtime --json runtime.json

"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from spikeloop.parameters import suggestion

HELP = "measure speed"


def _folder() -> Path:
    return Path(str(importlib.import_module("spikeloop_benchmarks").__file__)).parent


def _suites() -> list[str]:
    """Names of the benchmarks: every file of that folder that is a suite."""
    return sorted(p.stem for p in _folder().glob("*.py") if "\ndef measure(" in p.read_text())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("suite", help="file of benchmarks/, such as runtime")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")


def run(args: argparse.Namespace) -> int:
    """Run a suite and print its figures; 2 for an unknown one."""
    known = _suites()
    if args.suite not in known:
        near = suggestion(args.suite, known)
        print(
            f"spikeloop bench: unknown suite '{args.suite}'{near}; there are: {', '.join(known)}",
            file=sys.stderr,
        )
        return 2
    figures, energy = _measured(args.suite)
    meta: dict[str, Any] = {
        "suite": args.suite,
        "machine": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        "package_energy": energy,
    }
    for name, value in figures.items():
        print(f"{name:28}{value:12.3f}")
    print(", ".join(f"{key} {value}" for key, value in meta.items()))
    if args.json:
        args.json.write_text(json.dumps(figures | {"meta": meta}, indent=1) + "\n")
    return 0


def _measured(suite: str) -> tuple[dict[str, float], str]:
    """The suite's figures, and the joules that the processor took for it, or why they aren't known.

    They are of the whole processor, with all else that it did meanwhile.
    """
    from spikeloop.metrics.energy import EnergyError, Rapl

    measure = importlib.import_module(f"spikeloop_benchmarks.{suite}").measure
    try:
        counter = Rapl()
    except EnergyError as error:
        return measure(), f"not measured: {error}"
    with counter:
        figures: dict[str, float] = measure()
    used = counter.energy
    return figures, f"{used.joules:.1f} J in {used.seconds:.1f} s, measured" if used else ""


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
