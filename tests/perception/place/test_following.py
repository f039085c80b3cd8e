"""Following a drive by the way travelled: known answers with a map whose places are told apart."""

from __future__ import annotations

import numpy as np
import pytest

from spikeloop.events.array import Events
from spikeloop.perception.place.ensemble import Network, glance_scores, train_ensemble
from spikeloop.perception.place.event_window import EventWindow
from spikeloop.perception.place.following import (
    DOUBT,
    KEPT_LEAST,
    LEAST_PLACES,
    NEW_LEAST,
    WayFollower,
    evidence,
)
from spikeloop.perception.place.pictures import PictureConfig, edge_amplitudes, small_picture
from spikeloop.perception.place.place_map import PlaceMap
from spikeloop.perception.place.quantised import QuantisedEnsemble
from spikeloop.perception.place.temporal_config import TemporalConfig

PLACES, SPACING = 60, 2.0


def scene(place: float) -> np.ndarray:
    """(48, 64) uint8 of a place."""
    random = np.random.default_rng((5, round(place)))
    return np.kron(random.integers(0, 256, (6, 8)), np.ones((8, 8))).astype(np.uint8)


def map_of(places: int) -> PlaceMap:
    """Two drives along scenes 0, 1, ..., without networks."""
    config = PictureConfig(side=16, patch=5)
    random, drives = np.random.default_rng(0), []
    for _ in range(2):
        seen = [scene(n) + random.normal(0.0, 20.0, (48, 64)) for n in range(places)]
        drives.append([small_picture(np.clip(s, 0, 255).astype(np.uint8), config) for s in seen])
    poses = np.array([[SPACING * n, 0.0, 0.0] for n in range(places)])
    return PlaceMap(poses, np.array(drives), (), config)


@pytest.fixture(scope="module")
def place_map() -> PlaceMap:
    return map_of(PLACES)


def test_slow_fast_and_standing_drives_are_followed(place_map: PlaceMap) -> None:
    follower = WayFollower(place_map, "sad", 4)
    assert follower.spacing == SPACING
    way, wrong = 0.0, 0
    # Standing still, slow, a place a picture, and standing again.
    for step in [0.0] * 5 + [0.5] * 20 + [2.0] * 20 + [0.0] * 3:
        way += step
        match = follower.feed(scene(way / SPACING), way)
        assert match is not None
        wrong += match.index != round(way / SPACING) or match.is_new
    assert wrong <= 1
    assert match.pose == (SPACING * match.index, 0.0, 0.0)


def test_carried_off_it_is_found_again_within_a_sequence(place_map: PlaceMap) -> None:
    follower = WayFollower(place_map, "sad", 4)
    for n in range(10):
        follower.feed(scene(n), SPACING * n)
    found = [follower.feed(scene(40 + n), SPACING * (10 + n)) for n in range(6)]
    assert [match.index for match in found[3:]] == [43, 44, 45]


def test_evidence_is_gathered_along_the_way_and_forgotten_beyond_the_length() -> None:
    apart = np.full((5, 6), DOUBT)
    for picture, place in enumerate(range(1, 6)):
        apart[picture, place] = DOUBT + 2.0
    apart[3, 4] = DOUBT - 3.0  # one picture speaks against its place
    found = evidence(apart, 3)
    assert found.diagonal(1).tolist() == [2.0, 4.0, 6.0, 1.0, 2.0]
    # Never below nothing, so what spoke against a place before doesn't count for long.
    assert evidence(apart - 2.0, 3).diagonal(1).tolist() == [0.0] * 5
    assert evidence(apart, 1).tolist() == np.maximum(apart - DOUBT, 0.0).tolist()


def test_what_is_not_on_the_map_is_new(place_map: PlaceMap) -> None:
    follower = WayFollower(place_map, "sad", 4)
    off = [follower.feed(scene(1000 + n), SPACING * n) for n in range(40)]
    assert np.mean([match.is_new for match in off[4:]]) > 0.9
    assert follower.kept <= follower.threshold


def test_what_is_new_is_still_told_the_place_most_alike(place_map: PlaceMap) -> None:
    follower = WayFollower(place_map, "sad", 4)
    seen = [(0.45 * scene(n) + 0.55 * scene(1000 + n)).astype(np.uint8) for n in range(PLACES)]
    found = [follower.feed(picture, SPACING * n) for n, picture in enumerate(seen)]
    # Most pictures hold too little of their place to speak for it.
    silent = [n for n, match in enumerate(found) if match.score == 0.0]
    assert len(silent) > PLACES / 2 and all(found[n].is_new for n in silent)
    assert np.mean([found[n].index == n for n in silent]) > 0.5


def test_without_odometry_each_picture_is_the_next_place(place_map: PlaceMap) -> None:
    follower = WayFollower(place_map, "sad", 4)
    assert [follower.feed(scene(n)).index for n in range(20, 30)] == list(range(20, 30))
    follower.reset()
    assert follower.feed(scene(3)).index == 3


def test_black_pictures_and_bad_settings(place_map: PlaceMap) -> None:
    follower = WayFollower(place_map, "sad", 3)
    assert follower.feed(np.zeros((48, 64), np.uint8), 0.0) is None
    assert follower.feed(scene(7), 1.0).index == 7
    with pytest.raises(ValueError, match="length must be at least 1"):
        WayFollower(place_map, "sad", 0)
    with pytest.raises(ValueError, match="keeps pictures only"):
        WayFollower(place_map, "temporal", 3)
    with pytest.raises(ValueError, match="must be one of temporal, sad, not 'hog'"):
        WayFollower(place_map, "hog", 3)


@pytest.mark.parametrize("places", [1, LEAST_PLACES - 1])
def test_a_map_with_nothing_to_stand_out_from_knows_its_places_and_calls_none_new(
    places: int,
) -> None:
    follower = WayFollower(map_of(places), "sad", 5)
    assert follower.threshold == follower.kept == -np.inf
    for n in range(places):
        match = follower.feed(scene(n), SPACING * n)
        assert (match.index, match.is_new) == (n, False)
    assert not follower.feed(scene(1000), SPACING * places).is_new


@pytest.mark.parametrize("places", [LEAST_PLACES, 10, 12, 38])
@pytest.mark.parametrize("length", [1, 6])
def test_a_short_map_has_the_least_thresholds(places: int, length: int) -> None:
    follower = WayFollower(map_of(places), "sad", length)
    assert (follower.threshold, follower.kept) == (NEW_LEAST, KEPT_LEAST)
    on = [follower.feed(scene(n), SPACING * n) for n in range(places)]
    assert [(match.index, match.is_new) for match in on] == [(n, False) for n in range(places)]
    follower.reset()
    off = [follower.feed(scene(1000 + n), SPACING * n).is_new for n in range(100)]
    # Few places tell badly by how much places deviate.
    assert np.mean(off) > (0.9 if places >= 12 else 0.4)


@pytest.mark.parametrize(("places", "length"), [(60, 100), (310, 6), (310, 51), (620, 51)])
def test_sequences_as_long_as_the_node_takes_leave_a_threshold(places: int, length: int) -> None:
    follower = WayFollower(map_of(places), "sad", length)
    assert follower.threshold >= NEW_LEAST and follower.kept >= KEPT_LEAST
    off = [follower.feed(scene(1000 + n), SPACING * n).is_new for n in range(20)]
    assert np.mean(off) > 0.9


def test_whole_numbers_answer_as_floats_do(place_map: PlaceMap) -> None:
    config = TemporalConfig(features=1, module_places=30)
    networks = train_ensemble(edge_amplitudes(place_map.references), config, [0, 1])
    quick = QuantisedEnsemble(networks)
    seen = np.array([small_picture(scene(n), place_map.picture) for n in range(PLACES)])
    exact = glance_scores(networks, seen)
    whole = np.array([quick.scores(picture) for picture in seen])
    assert np.corrcoef(exact.ravel(), whole.ravel())[0, 1] > 0.99
    assert (exact.argmax(1) == whole.argmax(1)).mean() > 0.9
    bare = [Network(n.modules, n.mean, n.deviation, bare=True) for n in networks]
    with pytest.raises(ValueError, match="needs networks whose spikes are limited"):
        QuantisedEnsemble(bare)


def test_a_window_counts_the_newest_events_only() -> None:
    def events(times: list[int], x: int) -> Events:
        t = np.array(times, np.int64)
        ones = np.ones(len(t), np.uint16)
        return Events(t, x * ones, ones, ones.astype(np.uint8), 4, 3)

    window = EventWindow(0.1)
    assert window.picture() is None
    window.add(events([0, 10_000, 90_000], 0))
    window.add(events([150_000, 160_000, 170_000, 180_000], 2))
    picture = window.picture()
    assert picture is not None and picture.shape == (3, 4)
    # Of the first packet one event is left, of the second four: 1 and 2 as roots; 99 % of the
    # twelve pixels lie below 1.89.
    assert picture[1].tolist() == pytest.approx([1.0 / 1.89, 0.0, 1.0, 0.0])
    window.add(events([1_000], 3))  # time fell: a new stream
    assert window.picture()[1].tolist() == [0.0, 0.0, 0.0, 1.0]
