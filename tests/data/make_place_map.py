"""Makes maps of 12 places for tests of nodes: `python tests/data/make_place_map.py`.

`place/place.npz` is of pictures, with one network; `place/events.npz` of counts of events, without.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spikeloop.perception.place.event_window import event_picture
from spikeloop.perception.place.pictures import PictureConfig, small_picture
from spikeloop.perception.place.place_map import PlaceMap, save_map
from spikeloop.perception.place.recogniser import make_map
from spikeloop.perception.place.temporal_config import TemporalConfig

PLACES = 12


def picture(place: int) -> np.ndarray:
    """(48, 64) uint8: soft blobs that belong to a place."""
    random = np.random.default_rng((11, place))
    coarse = random.integers(0, 256, (6, 8)).astype(np.float64)
    return np.kron(coarse, np.ones((8, 8))).astype(np.uint8)


def counts(place: int) -> np.ndarray:
    """(48, 64) events at each pixel of a place, up to 7."""
    return picture(place) // 32


def main() -> None:
    """Write them."""
    config = PictureConfig(side=8, patch=3)
    small = np.array([[small_picture(picture(n), config) for n in range(PLACES)]])
    poses = np.array([[2.0 * n, 0.5, 0.25] for n in range(PLACES)])
    save_map(
        make_map(small, poses, config, TemporalConfig(features=1, epochs=20), [0]),
        Path(__file__).parent / "place" / "place.npz",
    )
    seen = np.array([[small_picture(event_picture(counts(n)), config) for n in range(PLACES)]])
    save_map(
        PlaceMap(poses, seen, (), config, "events"),
        Path(__file__).parent / "place" / "events.npz",
    )


if __name__ == "__main__":
    main()
