"""Entry of the `spikeloop` command."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from spikeloop.parameters import suggestion


def commands() -> list[str]:
    """Names of all subcommands."""
    folder = Path(__file__).parent
    return sorted(p.stem for p in folder.glob("*.py") if p.stem not in ("__init__", "main"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    known = commands()
    if given and not given[0].startswith("-") and given[0] not in known:
        near, there = suggestion(given[0], known), ", ".join(known)
        print(f"spikeloop: unknown command '{given[0]}'{near}; there are: {there}", file=sys.stderr)
        return 2
    parser = argparse.ArgumentParser(
        prog="spikeloop", description="Spiking perception and control in ROS 2."
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in known:
        # Only the chosen one is imported with all its parser; the others give their line of help.
        if given and not given[0].startswith("-") and name != given[0]:
            continue
        module = importlib.import_module(f"spikeloop.cli.{name}")
        sub = subparsers.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    args = parser.parse_args(given)
    try:
        return int(args.run(args))
    except BrokenPipeError:
        return 0
    except (LookupError, ValueError, OSError) as error:
        if not type(error).__module__.startswith("spikeloop"):
            raise
        print(f"spikeloop {args.command}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
