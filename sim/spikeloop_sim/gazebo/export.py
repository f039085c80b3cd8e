"""Writes a world with the robot in it, and the bridge's configuration, for Gazebo."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.gazebo.bridge import bridge_yaml
from spikeloop_sim.gazebo.robot import robot_element
from spikeloop_sim.gazebo.world import VERSION, world_element, write_files
from spikeloop_sim.worlds.catalogue import make_scene

WORLD, BRIDGE = "world.sdf", "bridge.yaml"
LIFT_M = 0.01
"""How far above its place the robot starts, to settle on its wheels."""


def export(
    world: str,
    seed: int,
    folder: Path,
    parameters: Mapping[str, Any] | None = None,
    robot: DiffDriveConfig | None = None,
) -> Path:
    """Write `world.sdf` with its meshes and textures, and `bridge.yaml`.

    Args:
        world: name in the catalogue.
        seed: of the world.
        folder: where to; it is made.
        parameters: of the world.
        robot: default where None.

    Returns:
        The SDF file.

    Raises:
        WorldError, ParameterError: see `make_scene`.
        OSError: the folder can't be written.

    """
    config = robot or DiffDriveConfig()
    scene = make_scene(world, seed, parameters)
    folder.mkdir(parents=True, exist_ok=True)
    write_files(scene, folder)
    root = ET.Element("sdf", version=VERSION)
    made = world_element(scene, root)
    x, y, z = scene.start.position
    robot_element(made, config, replace(scene.start, position=(x, y, z + LIFT_M)))
    ET.indent(root)
    file = folder / WORLD
    file.write_text('<?xml version="1.0"?>\n' + ET.tostring(root, "unicode") + "\n", "utf-8")
    (folder / BRIDGE).write_text(bridge_yaml(config), "utf-8")
    return file
