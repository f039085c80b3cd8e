"""A URDF file as a mission's robot: `robot: urdf`, `robot_parameters: {file: PATH}`."""

from __future__ import annotations

from spikeloop_sim.diff_drive import DiffDrive
from spikeloop_sim.robot_file import build_from
from spikeloop_sim.robots import Order

ROBOT = "urdf"


def build(order: Order) -> DiffDrive:
    """As missions order it; see `build_from`."""
    return build_from(order, "URDF")
