"""A URDF file as a mission's robot: `robot: urdf`, `robot_parameters: {file: PATH}`."""

from __future__ import annotations

import sys
from pathlib import Path

from spikeloop.parameters import ParameterError, build_config
from spikeloop_sim.diff_drive import USUAL_WORLD, DiffDrive
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.robots import Order
from spikeloop_sim.urdf_body import read_urdf

ROBOT = "urdf"


def build(order: Order) -> DiffDrive:
    """As missions order it; all parameters but `file` are those of `diff_drive`.

    Raises:
        ParameterError: no `file`, or a parameter that `diff_drive` doesn't have.
        UrdfError: the file can't be such a robot.

    """
    given = dict(order.parameters)
    file = str(given.pop("file", ""))
    if not file:
        raise ParameterError(f"{order.owner}parameter 'file' must name a URDF file")
    config = build_config(DiffDriveConfig, given, order.owner)
    body, notes = read_urdf(Path(file).expanduser())
    for note in notes:
        print(f"[INFO] {file}: {note}", file=sys.stderr)
    return DiffDrive(config, order.world or USUAL_WORLD, dict(order.world_parameters), body=body)
