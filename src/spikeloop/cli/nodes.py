"""List the nodes that are installed, with their slots and topics."""

from __future__ import annotations

import argparse

HELP = "list nodes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--parameters", action="store_true", help="with their parameters")


def run(args: argparse.Namespace) -> int:
    """Print what there is, by slot."""
    from spikeloop.nodes.registry import node_types
    from spikeloop.parameters import parameters_of

    for name, kind in sorted(node_types().items(), key=lambda item: (item[1].slot, item[0])):
        publishes, reads, _ = kind.wiring(kind.config_type())
        print(f"{name:16} slot {kind.slot}: {kind.text}")
        print(f"{'':16}   {', '.join(reads) or '-'} -> {', '.join(publishes) or '-'}")
        if args.parameters:
            for entry in parameters_of(kind.config_type).values():
                print(f"{'':18} {entry.name} = {entry.default}: {entry.text} {entry.range_text()}")
    return 0
