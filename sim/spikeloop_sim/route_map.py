"""The day map of a route: what a robot with `route_rover`'s camera sees on drives along it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.datasets.stage import SceneStage
from spikeloop_sim.diff_drive_cameras import lens_of
from spikeloop_sim.event_camera.optics import Pose, Twist
from spikeloop_sim.frame_camera import FrameCamera
from spikeloop_sim.frame_camera_config import FrameCameraConfig
from spikeloop_sim.robot import random_stream
from spikeloop_sim.route_drives import SETTLING, Wandering
from spikeloop_sim.route_rover import CAMERA_M, PITCH_RAD, WORLD, RouteRoverConfig
from spikeloop_sim.worlds.catalogue import make_scene
from spikeloop_sim.worlds.scene import Scene

WANDERING = Wandering(aside=0.15, along=0.15, heading=0.015)
"""A robot that keeps its lane drives so."""
EXPOSURE_US = 50_000.0


@dataclass(frozen=True)
class Views:
    """What was seen at the places.

    Attributes:
        pictures: (drives, places, h, w), uint8 of a camera, float32 of 0 to 1 of events.
        poses: (places, 3) x m, y m, heading rad.

    """

    pictures: NDArray[np.generic]
    poses: NDArray[np.float64]


Look = Callable[[int, Scene, NDArray[np.float64]], Views]
"""One drive: visit, scene, and offsets (places, 3) of the camera at each place, see `pose_on_mast`;
its pictures are (places, h, w)."""


def view_route(
    seed: int,
    world_parameters: Mapping[str, Any],
    visits: Sequence[int],
    places: int,
    look: Look,
    condition: str = "day",
    wandering: Wandering = WANDERING,
) -> Views:
    """Pictures at the first places of a route, one drive for each visit.

    Args:
        seed: of the world.
        world_parameters: of the world; `condition` and `cars` are set here.
        visits: each has its own parked cars, wandering and noise.
        places: of the route, from its first on.
        look: how a drive looks: `by_camera`, or `route_events.by_events`.
        condition: see the world's parameters.
        wandering: how far from the lane's middle.

    Raises:
        WorldError, ParameterError: no such world or parameter.
        ValueError: the route has fewer places.

    """
    found = []
    for visit in visits:
        cars = {**world_parameters, "condition": condition, "cars": visit}
        scene = make_scene(WORLD, seed, cars)
        if places > len(scene.route):
            raise ValueError(f"the route has {len(scene.route)} places, not {places}")
        offsets = wandering.draw(random_stream(seed, f"route map {visit}"), places)
        found.append(look(visit, scene, offsets))
    return Views(np.stack([drive.pictures for drive in found]), found[0].poses)


def by_camera(rover: RouteRoverConfig | None = None) -> Look:
    """By the camera that a rover carries; pictures are uint8."""
    carried = rover or RouteRoverConfig()
    return lambda visit, scene, offsets: _drive(visit, scene, offsets, carried)


def _drive(
    visit: int, scene: Scene, offsets: NDArray[np.float64], rover: RouteRoverConfig
) -> Views:
    """Of one drive: pictures (places, h, w) uint8."""
    stage, poses = SceneStage(scene), np.array(scene.route[: len(offsets)])
    lens = lens_of(rover.camera_width, rover.camera_height, rover.field_deg)
    config = FrameCameraConfig(scene_lux=stage.lux, exposure_most_us=EXPOSURE_US)
    pictures = np.empty((len(poses), lens.height, lens.width), np.uint8)
    data = stage.at(0.0)
    with FrameCamera(stage.model, lens, config, visit) as camera:
        for n in range(-SETTLING, len(poses)):
            view = (data, pose_on_mast(poses[max(n, 0)], offsets[max(n, 0)]))
            picture = camera.take(lambda _, view=view: view, 0, Twist.none())  # type: ignore[misc]
            if n >= 0:
                pictures[n] = picture.pixels
    return Views(pictures, poses)


def pose_on_mast(place: NDArray[np.float64], offset: NDArray[np.float64]) -> Pose:
    """Of the camera at a place (x m, y m, heading rad) and off it (aside m, along m, rad)."""
    x, y, heading = place
    aside, along, turn = offset
    ahead = np.array([np.cos(heading), np.sin(heading)])
    at = np.array([x, y]) + along * ahead + aside * np.array([-ahead[1], ahead[0]])
    look = heading + turn
    forward = np.array([np.cos(look), np.sin(look), np.tan(PITCH_RAD)])
    return Pose.looking(np.array([*at, CAMERA_M]), forward)
