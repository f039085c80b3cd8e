"""Check that a node keeps the contract of its slot: ours, or one of another package.

It runs the node as a process in a ROS domain of its own and checks topics, QoS, lifecycle,
determinism, bad inputs, bad parameters and its end. Exit code 0 if everything holds, else 1.

Examples:
  spikeloop check pid
  spikeloop check event_player file:=tests/data/evt3_test_events_1

"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

from spikeloop.parameters import ParameterError

HELP = "check a node against the contract of its slot"
MARKS = {True: "held  ", False: "BROKEN", None: "-     "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("node", help="node; `spikeloop nodes` lists them")
    parser.add_argument(
        "parameter", nargs="*", metavar="NAME:=VALUE", help="what the node needs to run"
    )


def run(args: argparse.Namespace) -> int:
    """Print what each check found."""
    from spikeloop.nodes.conformance import check_node
    from spikeloop.nodes.registry import node_type

    broken = 0
    for finding in check_node(node_type(args.node), _parameters(args.parameter)):
        print(f"  {MARKS[finding.held]} {finding.check}", flush=True)
        for line in finding.detail.splitlines():
            print(f"           {line}")
        broken += finding.held is False
    print(f"node {args.node}: {f'{broken} broken' if broken else 'keeps its contract'}")
    return 1 if broken else 0


def _parameters(pairs: list[str]) -> dict[str, Any]:
    given = {}
    for pair in pairs:
        name, found, value = pair.partition(":=")
        if not found:
            raise ParameterError(f"'{pair}' must have the form NAME:=VALUE")
        # The node runs in a scratch folder, so a path must not depend on the present one.
        given[name] = str(Path(value).resolve()) if Path(value).exists() else yaml.safe_load(value)
    return given
