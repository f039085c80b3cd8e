"""What answers a picture: scores of a map's places by either method; making and extending maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spikeloop.perception.place.baselines import edge_differences
from spikeloop.perception.place.ensemble import (
    Network,
    calibrated,
    glance_scores,
    train_ensemble,
)
from spikeloop.perception.place.pictures import PictureConfig, edge_amplitudes
from spikeloop.perception.place.place_map import PlaceMap
from spikeloop.perception.place.temporal import train_temporal
from spikeloop.perception.place.temporal_config import TemporalConfig

NEIGHBOURS = 3
"""Places next to the true one that look like it, so they say nothing about what is new."""
METHODS = ("temporal", "sad")

Small = NDArray[np.float32]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Match:
    """What one picture was taken for.

    Attributes:
        index: place of the map.
        score: of the place, over the sequence.
        threshold: score below which the place counts as new.
        margin: score less that of the best place that isn't a neighbour.
        pose: x m, y m, heading rad in the frame `map`.

    """

    index: int
    score: float
    threshold: float
    margin: float
    pose: tuple[float, float, float]

    @property
    def is_new(self) -> bool:
        """Whether the picture shows a place that isn't on the map."""
        return self.score < self.threshold


def scorer(place_map: PlaceMap, method: str) -> Callable[[Small], Scores]:
    """Scores, (traversals * n, places), of small pictures (traversals, n, side, side).

    Args:
        place_map: of the route.
        method: "temporal" for the map's networks, "sad" for the edges of its pictures.

    Raises:
        ValueError: another method, or networks asked of a map without.

    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not '{method}'")
    side = place_map.picture.side
    if method == "sad":
        differences = edge_differences(place_map.references)
        return lambda small: differences(small.reshape(-1, side, side))
    if not place_map.networks:
        raise ValueError("this map keeps pictures only; train it with networks, or use 'sad'")
    networks = place_map.networks
    return lambda small: glance_scores(networks, small.reshape(-1, side, side))


def make_map(
    references: Small,
    poses: NDArray[np.float64],
    picture: PictureConfig,
    config: TemporalConfig,
    seeds: Sequence[int],
    source: str = "image",
    progress: Callable[[float], object] = lambda part: None,
) -> PlaceMap:
    """Learn a route.

    Args:
        references: (traversals, places, side, side) small pictures.
        poses: (places, 3) x m, y m, heading rad.
        picture: how the pictures were made small.
        config: of the networks.
        seeds: one a network of the ensemble; none for a map of pictures only.
        source: what the pictures were made of.
        progress: told which part of the work has been done since it was last told.

    """
    inputs = edge_amplitudes(references)
    networks = tuple(train_ensemble(inputs, config, seeds, progress)) if seeds else ()
    return PlaceMap(poses, references, networks, picture, source)


def extended(
    place_map: PlaceMap,
    references: Small,
    poses: NDArray[np.float64],
    config: TemporalConfig,
    seed: int = 0,
) -> PlaceMap:
    """The map with further places; what it knew is kept.

    One module of prototypes takes the new places in; else new modules are trained for them.

    Args:
        place_map: stays as it is.
        references: (traversals, new places, side, side); as many traversals as the map has.
        poses: (new places, 3).
        config: of the new modules.
        seed: of the new modules.

    Raises:
        ValueError: shapes that don't fit.

    """
    if references.shape[0] != place_map.references.shape[0]:
        raise ValueError(
            f"the map has {place_map.references.shape[0]} traversals, the new places "
            f"{references.shape[0]}"
        )
    whole = np.concatenate([place_map.references, references], axis=1)
    inputs = edge_amplitudes(whole)
    networks: list[Network] = []
    for number, network in enumerate(place_map.networks):
        if len(network.modules) == 1 and network.modules[0].resting is not None:
            longer = network.modules[0].with_places(inputs[:, place_map.places :])
            networks.append(calibrated([longer], inputs))
            continue
        new = train_temporal(inputs[:, place_map.places :], config, seed + number)
        moved = [replace(module, first=module.first + place_map.places) for module in new]
        networks.append(calibrated([*network.modules, *moved], inputs))
    return PlaceMap(
        np.concatenate([place_map.poses, poses]), whole, tuple(networks), place_map.picture,
        place_map.source,
    )  # fmt: skip
