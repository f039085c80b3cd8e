"""An SDF file as a mission's robot: `robot: sdf`, `robot_parameters: {file: PATH, model: NAME}`."""

from __future__ import annotations

from spikeloop_sim.diff_drive import DiffDrive
from spikeloop_sim.robot_file import build_from
from spikeloop_sim.robots import Order

ROBOT = "sdf"


def build(order: Order) -> DiffDrive:
    """As missions order it; see `build_from`."""
    return build_from(order, "SDF")
