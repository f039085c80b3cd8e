"""Drives along the world `route`: pictures at its places, each time a little off the last way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.datasets.stage import SceneStage
from spikeloop_sim.event_camera.optics import Pinhole, Pose, Twist
from spikeloop_sim.event_camera.renderer import Haze, SceneRenderer
from spikeloop_sim.frame_camera import FrameCamera
from spikeloop_sim.frame_camera_config import FrameCameraConfig
from spikeloop_sim.robot import random_stream
from spikeloop_sim.worlds.catalogue import make_scene

LENS = Pinhole.of_field(128, 96, 1.4)
CAMERA_M, PITCH_RAD = 1.3, 0.04
"""Height of the camera; it looks a little upwards, as cameras for place recognition do."""
EXPOSURE_US = 50_000.0
"""Longest exposure: the drive is slow."""
SETTLING = 6
"""Pictures at the first place until the exposure has settled."""


@dataclass(frozen=True)
class Wandering:
    """How far from its way a drive is; standard deviations of slow wandering.

    Attributes:
        aside: m.
        along: m.
        heading: rad.
        memory: part of an offset that is left after one place.

    """

    aside: float = 0.3
    along: float = 0.3
    heading: float = 0.03
    memory: float = 0.9

    def draw(self, random: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Offsets aside, along, heading, (count, 3)."""
        scale = np.array([self.aside, self.along, self.heading])
        steps = random.standard_normal((count, 3))
        out = np.empty((count, 3))
        out[0] = steps[0]
        for n in range(1, count):
            out[n] = self.memory * out[n - 1] + np.sqrt(1.0 - self.memory**2) * steps[n]
        offsets: NDArray[np.float64] = out * scale
        return offsets


@dataclass(frozen=True)
class RouteDrive:
    """What a drive saw.

    Attributes:
        pictures: (places, 96, 128) uint8.
        poses: (places, 3) x m, y m, heading rad of the places, not of the wandering camera.

    """

    pictures: NDArray[np.uint8]
    poses: NDArray[np.float64]


def drive_route(
    seed: int,
    condition: str,
    visit: int,
    places: int = 500,
    wandering: Wandering | None = None,
    progress: Callable[[int], object] = lambda count: None,
) -> RouteDrive:
    """Drive once around.

    Args:
        seed: of the world.
        condition: see the world's parameters.
        visit: each has its own wandering, noise and parked cars.
        places: along the loop.
        wandering: default where None.
        progress: told how many pictures were taken since it was last told.

    Raises:
        WorldError: no such seed.
        ParameterError: no such condition, or a number of places that no loop has.

    """
    scene = make_scene("route", seed, {"places": places, "condition": condition, "cars": visit})
    offsets = (wandering or Wandering()).draw(random_stream(seed, f"drive {visit}"), places)
    stage = SceneStage(scene)
    data = stage.at(0.0)
    config = FrameCameraConfig(scene_lux=stage.lux, exposure_most_us=EXPOSURE_US)
    pictures = np.empty((places, LENS.height, LENS.width), np.uint8)
    haze = Haze(stage.visibility_m, stage.air)
    with SceneRenderer(stage.model, LENS, 2, haze=haze) as renderer:
        camera = FrameCamera(stage.model, LENS, config, visit, renderer)
        for n in range(-SETTLING, places):
            view = (data, _pose(scene.route[max(n, 0)], offsets[max(n, 0)]))
            picture = camera.take(lambda _, view=view: view, 0, Twist.none())  # type: ignore[misc]
            if n >= 0:
                pictures[n] = picture.pixels
                progress(1)
    return RouteDrive(pictures, np.array(scene.route))


def _pose(place: NDArray[np.float64], offset: NDArray[np.float64]) -> Pose:
    x, y, heading = place
    aside, along, turn = offset
    ahead = np.array([np.cos(heading), np.sin(heading)])
    left = np.array([-ahead[1], ahead[0]])
    at = np.array([x, y]) + along * ahead + aside * left
    look = heading + turn
    forward = np.array([np.cos(look), np.sin(look), np.tan(PITCH_RAD)])
    return Pose.looking(np.array([*at, CAMERA_M]), forward)
