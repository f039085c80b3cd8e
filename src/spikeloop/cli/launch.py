"""Start a launch file, as `ros2 launch` does, also where there is no ros2 command.

Example:
  spikeloop launch launch/mission.launch.py mission:=blimp_altitude

"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HELP = "start a launch file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", type=Path, help="FILE.launch.py, or the name of one of ours")
    parser.add_argument("argument", nargs="*", metavar="ARG:=VALUE")


def run(args: argparse.Namespace) -> int:
    """Start it and wait for its end."""
    from spikeloop.launching.description import launch_file
    from spikeloop.launching.description import run as run_description
    from spikeloop.loop.mission import share_directory

    path = args.file if args.file.exists() else share_directory() / "launch" / args.file.name
    if not path.exists():
        print(f"spikeloop launch: no such file: {args.file}", file=sys.stderr)
        return 2
    wrong = [pair for pair in args.argument if ":=" not in pair]
    if wrong:
        print(f"spikeloop launch: '{wrong[0]}' must have the form ARG:=VALUE", file=sys.stderr)
        return 2
    arguments = dict(pair.split(":=", 1) for pair in args.argument)
    return run_description(launch_file(path, arguments))
