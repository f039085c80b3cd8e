"""List the missions that are installed."""

from __future__ import annotations

import argparse

HELP = "list missions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(args: argparse.Namespace) -> int:
    """Print one line a mission."""
    from spikeloop.loop.mission import load_mission, missions

    for name in missions():
        mission = load_mission(name)
        slots = ", ".join(f"{slot}:={node}" for slot, node in mission.slots.items())
        print(f"{name:20} {mission.text}\n{'':20} robot {mission.robot}; {slots}")
    return 0
