"""A robot of somebody's file: URDF or SDF, by its root element."""

from __future__ import annotations

import sys
from pathlib import Path

from spikeloop.parameters import ParameterError, build_config
from spikeloop_sim.diff_drive import USUAL_WORLD, DiffDrive
from spikeloop_sim.diff_drive_body import Body
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.model_files.parts import ModelFileError, read_tree
from spikeloop_sim.robot_model import RobotModel, body_of
from spikeloop_sim.robots import Order
from spikeloop_sim.sdf_body import read_sdf
from spikeloop_sim.urdf_body import read_urdf


def read_robot(file: Path, model: str = "") -> tuple[Body, RobotModel]:
    """Read a robot's file.

    Args:
        file: URDF or SDF.
        model: which one of an SDF file's; see `read_sdf`.

    Returns:
        (the body, what was read, with what was left out in `told`).

    Raises:
        ModelFileError: it can't be read, or can't be a differential-drive robot.

    """
    try:
        tag = read_tree(file).tag
        if tag == "sdf":
            found = read_sdf(file, model)
        elif model:
            raise ModelFileError(f"{file}: 'model' is for SDF files, and its root is <{tag}>")
        else:
            found = read_urdf(file)
        body = body_of(found)
    except OSError as error:
        raise ModelFileError(f"{file}: can't be read: {error.strerror}") from error
    found.told[:] = dict.fromkeys(found.told)
    return body, found


def build_from(order: Order, kind: str) -> DiffDrive:
    """A robot as missions order it, by the parameters `file` and, of SDF, `model`.

    All other parameters are those of `diff_drive`; what the file asks for (a LiDAR's rows, a
    camera's field, a plugin's largest speeds) holds where the mission doesn't say.

    Raises:
        ParameterError: no `file`, or a parameter that `diff_drive` doesn't have.
        ModelFileError: the file can't be such a robot.

    """
    given = dict(order.parameters)
    file = Path(str(given.pop("file", ""))).expanduser()
    if file == Path():
        raise ParameterError(f"{order.owner}parameter 'file' must name a {kind} file")
    body, model = read_robot(file, str(given.pop("model", "")))
    config = build_config(DiffDriveConfig, {**model.settings, **given}, order.owner)
    for note in model.told:
        print(f"[INFO] {file}: {note}", file=sys.stderr)
    return DiffDrive(config, order.world or USUAL_WORLD, dict(order.world_parameters), body=body)
