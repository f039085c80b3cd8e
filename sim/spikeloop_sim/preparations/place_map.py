"""A place map of the mission's own route by day, for the slot `place`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikeloop.loop.mission import Mission
from spikeloop.parameters import ParameterError, build_config, parameter
from spikeloop_sim.route_rover import RouteRoverConfig
from spikeloop_sim.worlds.catalogue import TEST

if TYPE_CHECKING:
    from spikeloop_sim.route_map import Views

MAP, VIEWS = "place.npz", "place_views.npz"


@dataclass(frozen=True)
class Config:
    """How the route is learned."""

    places: int = parameter(150, "Places that are learned, from the route's first on.", low=2)
    drives: int = parameter(2, "Drives by which they are learned; each has other cars.", low=1)
    condition: str = parameter("day", "Of these drives.")
    source: str = parameter(
        "image", "What is learned: the camera's pictures, or events.", choices=("image", "events")
    )
    speed: float = parameter(2.0, "Of drives by events.", unit="m/s", low=0.5, high=10.0)
    window: float = parameter(
        0.25, "Events of so long are one picture.", unit="s", low=0.01, high=0.5
    )
    networks: int = parameter(5, "Networks of the ensemble.", low=0, high=100)
    side: int = parameter(40, "Width and height of small pictures.", unit="pixels", low=4)
    patch: int = parameter(11, "Window of contrast; odd.", unit="pixels", low=3)
    features: float = parameter(0.2, "Feature neurons for each input.", low=0.01, high=32)


def prepare(mission: Mission, seed: int, config: Config, folder: Path) -> dict[str, dict[str, Any]]:
    """Drive, learn, and write the map and what was seen.

    Raises:
        WorldError, ParameterError, ValueError: as `view_route`, or a bad size.

    """
    from spikeloop.perception.place.pictures import PictureConfig, small_picture
    from spikeloop.perception.place.place_map import save_map
    from spikeloop.perception.place.recogniser import make_map
    from spikeloop.perception.place.temporal_config import TemporalConfig

    views = _views(mission, seed, config)
    picture = PictureConfig(side=config.side, patch=config.patch)
    references = np.array([[small_picture(p, picture) for p in drive] for drive in views.pictures])
    learning = TemporalConfig(features=config.features)
    seeds = list(range(config.networks))
    place_map = make_map(references, views.poses, picture, learning, seeds, config.source)
    save_map(place_map, folder / MAP)
    first = views.pictures[0]
    shown = first if first.dtype == np.uint8 else np.rint(255.0 * first).astype(np.uint8)
    np.savez_compressed(
        folder / VIEWS, pictures=shown, poses=views.poses, source=np.array(config.source)
    )
    return {"place": {"map": str((folder / MAP).resolve())}}


def _views(mission: Mission, seed: int, config: Config) -> Views:
    """What a rover like the mission's sees on the drives."""
    from spikeloop_sim.route_events import Passing, by_events
    from spikeloop_sim.route_map import by_camera, view_route

    rover = build_config(RouteRoverConfig, dict(mission.robot_parameters), "robot: ")
    passing = Passing(config.speed, config.window)
    look = by_events(rover, passing) if config.source == "events" else by_camera(rover)
    visits = range(1, config.drives + 1)
    world = mission.world_parameters
    cars = world.get("cars", 1)
    if cars in visits:
        raise ParameterError(
            f"prepare: drives: {config.drives} drives meet the cars 1 to {config.drives}, and the "
            f"mission's are cars {cars}, one of these; choose others (world_parameters: cars)"
        )
    return view_route(TEST + seed, world, visits, config.places, look, config.condition)
