"""A world of yours, from an SDF or URDF file: `world: sdf`, `world_parameters: {file: PATH}`."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from spikeloop.parameters import ParameterError, parameter
from spikeloop_sim.model_files.parts import ModelFileError
from spikeloop_sim.worlds.building import heading
from spikeloop_sim.worlds.scene import Pose, Scene
from spikeloop_sim.worlds.sdf_import import read_world


@dataclass(frozen=True)
class Config:
    """The file, and where a robot starts in it."""

    file: str = parameter("", "SDF or URDF file; its meshes are looked for beside it")
    start_x: float = parameter(0.0, "where a robot starts, x", unit="m", low=-1e5, high=1e5)
    start_y: float = parameter(0.0, "where a robot starts, y", unit="m", low=-1e5, high=1e5)
    start_yaw: float = parameter(
        0.0, "where it looks there", unit="rad", low=-math.pi, high=math.pi
    )


def make(seed: int, config: Config) -> Scene:
    """Read the file; what can't be taken over is told on stderr. The seed changes nothing.

    Raises:
        ParameterError: no file is named, or it can't be read as a world; the message says why.

    """
    if not config.file:
        raise ParameterError("world 'sdf': parameter 'file' must name an SDF or URDF file")
    try:
        imported = read_world(Path(config.file).expanduser())
    except (OSError, ModelFileError) as error:
        raise ParameterError(f"world 'sdf': {error}") from error
    for note in imported.told:
        print(f"[INFO] {config.file}: {note}", file=sys.stderr)
    start = Pose((config.start_x, config.start_y, 0.0), heading(config.start_yaw))
    return replace(imported.scene, seed=seed, start=start)
