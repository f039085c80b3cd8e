"""Place recognition picture by picture, with sequences and a threshold for what is new."""

from __future__ import annotations

from collections import deque
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
from spikeloop.perception.place.pictures import PictureConfig, edge_amplitudes, small_picture
from spikeloop.perception.place.place_map import PlaceMap
from spikeloop.perception.place.sequence import sequence_scores
from spikeloop.perception.place.temporal import train_temporal
from spikeloop.perception.place.temporal_config import TemporalConfig

LENGTHS = (1, 4, 10)
NEIGHBOURS = 3
"""Places next to the true one that look like it, so they say nothing about what is new."""
NEW_SHARE = 0.99
"""Part of the answers of wrong places that the threshold is above."""
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


class PlaceRecogniser:
    """Follows a drive over a map. `reset` forgets the sequence."""

    def __init__(self, place_map: PlaceMap, method: str = "temporal", length: int = 1) -> None:
        """Take a map.

        Args:
            place_map: of the route.
            method: "temporal" for the map's networks, "sad" for the edges of its pictures.
            length: pictures of a sequence.

        Raises:
            ValueError: another method, a length below 1, or networks asked of a map without.

        """
        if length < 1:
            raise ValueError(f"length must be at least 1, not {length}")
        self.map = place_map
        self._score = scorer(place_map, method)
        self._threshold = (
            place_map.threshold[length]
            if method == "temporal" and length in place_map.threshold
            else new_threshold(self._score(place_map.references), place_map.places, length)
        )
        self._length = length
        self._newest: deque[Scores] = deque(maxlen=length)

    def reset(self) -> None:
        """Forget the pictures so far."""
        self._newest.clear()

    def feed(self, picture: NDArray[np.generic]) -> Match:
        """Recognise a picture; shapes, values and errors as `small_picture` says."""
        small = small_picture(picture, self.map.picture)
        self._newest.append(self._score(small[None, None])[0])
        scores = sequence_scores(np.stack(self._newest), self._length)[-1]
        index = int(scores.argmax())
        near = np.abs(np.arange(len(scores)) - index) <= NEIGHBOURS
        other = float(scores[~near].max()) if not near.all() else float(scores.min())
        x, y, heading = self.map.poses[index].tolist()
        best = float(scores[index])
        return Match(index, best, self._threshold, best - other, (x, y, heading))


def scorer(place_map: PlaceMap, method: str) -> Callable[[Small], Scores]:
    """Scores, (traversals * n, places), of small pictures (traversals, n, side, side)."""
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
    return _with_thresholds(PlaceMap(poses, references, networks, picture, {}, source))


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
    return _with_thresholds(
        PlaceMap(
            np.concatenate([place_map.poses, poses]), whole, tuple(networks),
            place_map.picture, {}, place_map.source,
        )
    )  # fmt: skip


def new_threshold(scores: Scores, places: int, length: int) -> float:
    """Score that 99 % of wrong places stay below, as if the true place were not on the map.

    Args:
        scores: (traversals * places, places) of the reference record itself.
        places: of the map.
        length: pictures of a sequence.

    """
    best = []
    for traversal in scores.reshape(-1, places, places):
        matched = sequence_scores(traversal, length)
        apart = np.abs(np.arange(places)[:, None] - np.arange(places)[None])
        wrong = np.where(apart > NEIGHBOURS, matched, -np.inf).max(1)
        best.append(wrong[np.isfinite(wrong)])
    all_best = np.concatenate(best)
    # A map so small that every place neighbours every other knows no wrong ones.
    return float(np.quantile(all_best, NEW_SHARE)) if len(all_best) else -np.inf


def _with_thresholds(place_map: PlaceMap) -> PlaceMap:
    if not place_map.networks:
        return place_map
    scores = scorer(place_map, "temporal")(place_map.references)
    for length in LENGTHS:
        place_map.threshold[length] = new_threshold(scores, place_map.places, length)
    return place_map
