"""Robots by name, as missions call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikeloop.parameters import build_config, suggestion
from spikeloop_sim.robot import Robot

ROBOTS = ("blimp", "identified_blimp")


def make_robot(name: str, parameters: Mapping[str, Any]) -> Robot:
    """Build a simulated robot.

    Raises:
        ValueError: unknown robot or parameter; the nearest is named.

    """
    owner = f"robot '{name}': "
    if name == "blimp":
        from spikeloop_sim.blimp import Blimp
        from spikeloop_sim.blimp_config import BlimpConfig

        return Blimp(build_config(BlimpConfig, parameters, owner))
    if name == "identified_blimp":
        from spikeloop_sim.identified_blimp import IdentifiedBlimp, IdentifiedBlimpConfig

        return IdentifiedBlimp(build_config(IdentifiedBlimpConfig, parameters, owner))
    if name.startswith("gymnasium:"):
        from spikeloop_sim.gymnasium_robot import make_gymnasium_robot

        return make_gymnasium_robot(name, parameters)
    raise ValueError(
        f"unknown robot '{name}'{suggestion(name, ROBOTS)}; there are: {', '.join(ROBOTS)}, "
        "and gymnasium:ID for any Gymnasium environment"
    )
