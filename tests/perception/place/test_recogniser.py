import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloop.perception.place.pictures import PictureConfig, edge_amplitudes, small_picture
from spikeloop.perception.place.place_map import MapError, PlaceMap, load_map, save_map
from spikeloop.perception.place.recogniser import PlaceRecogniser, extended, make_map
from spikeloop.perception.place.temporal_config import TemporalConfig

PICTURE = PictureConfig(side=16, patch=5)
CONFIG = TemporalConfig(features=4)
PLACES = 40


def pictures(first: int, count: int, noise: float, seed: int, wall: int = 4) -> np.ndarray:
    """Pictures of a wall that passes by, (count, 28, 42) uint8."""
    paint = np.kron(np.random.default_rng(wall).random((7, 450)), np.ones((4, 4)))
    random = np.random.default_rng(seed)
    out = []
    for place in range(first, first + count):
        view = paint[:, 20 * place : 20 * place + 42]
        out.append(255 * np.clip(view + noise * random.standard_normal(view.shape), 0, 1))
    return np.array(out).astype(np.uint8)


def references(first: int, count: int) -> np.ndarray:
    return np.array(
        [[small_picture(p, PICTURE) for p in pictures(first, count, 0.1, s)] for s in (0, 1)]
    )


def poses(first: int, count: int) -> np.ndarray:
    return np.array([[2.0 * place, 0.0, 0.1] for place in range(first, first + count)])


@pytest.fixture(scope="module")
def place_map() -> PlaceMap:
    return make_map(references(0, PLACES), poses(0, PLACES), PICTURE, CONFIG, (0, 1))


@pytest.mark.parametrize("method", ["temporal", "sad"])
@pytest.mark.parametrize("length", [1, 4])
def test_a_second_drive_is_recognised_and_a_foreign_one_is_new(
    place_map: PlaceMap, method: str, length: int
) -> None:
    recogniser = PlaceRecogniser(place_map, method, length)
    matches = [recogniser.feed(picture) for picture in pictures(0, PLACES, 0.15, 9)]
    assert np.mean([m.index == n for n, m in enumerate(matches)]) > 0.9
    assert np.mean([m.is_new for m in matches]) < 0.15
    assert matches[7].pose == (14.0, 0.0, 0.1)
    assert matches[7].margin > 0.0
    foreign = []
    for wall in range(5, 10):
        recogniser.reset()
        drive = pictures(0, PLACES, 0.15, 9, wall)
        foreign += [recogniser.feed(picture).is_new for picture in drive]
    assert np.mean(foreign) > 0.8


def test_reset_forgets_the_sequence(place_map: PlaceMap) -> None:
    recogniser = PlaceRecogniser(place_map, length=4)
    first, second = pictures(5, 2, 0.1, 3)
    alone = recogniser.feed(second)
    recogniser.reset()
    recogniser.feed(first)
    assert recogniser.feed(second) != alone
    recogniser.reset()
    assert recogniser.feed(second) == alone


def test_a_map_survives_its_file(place_map: PlaceMap, tmp_path: Path) -> None:
    save_map(place_map, tmp_path / "day.npz")
    again = load_map(tmp_path / "day.npz")
    picture = pictures(3, 1, 0.1, 3)[0]
    assert PlaceRecogniser(again).feed(picture) == PlaceRecogniser(place_map).feed(picture)
    assert again.places == PLACES


@pytest.mark.parametrize("config", [CONFIG, replace(CONFIG, read_out="delta")], ids=["one", "two"])
def test_places_are_added_and_the_old_networks_stay(config: TemporalConfig) -> None:
    place_map = make_map(references(0, PLACES), poses(0, PLACES), PICTURE, config, (0, 1))
    longer = extended(place_map, references(PLACES, 10), poses(PLACES, 10), config)
    assert longer.places == PLACES + 10
    seen = edge_amplitudes(references(0, PLACES)[1])
    for old, new in zip(place_map.networks, longer.networks, strict=True):
        before, after = old.modules[0].scores(seen), new.modules[0].scores(seen)
        np.testing.assert_allclose(after[:, :PLACES], before, rtol=1e-4, atol=1e-6)
        assert [m.first for m in new.modules] == (
            [0, PLACES] if config.read_out == "delta" else [0]
        )
    recogniser = PlaceRecogniser(longer)
    drive = pictures(0, PLACES + 10, 0.15, 9)
    right = [recogniser.feed(picture).index == n for n, picture in enumerate(drive)]
    assert np.mean(right) > 0.85


def test_a_single_place_is_a_map() -> None:
    single = make_map(references(0, 1), poses(0, 1), PICTURE, CONFIG, (0,))
    assert PlaceRecogniser(single).feed(pictures(0, 1, 0.1, 5)[0]).index == 0


def test_black_pictures_are_answered(place_map: PlaceMap) -> None:
    match = PlaceRecogniser(place_map).feed(np.zeros((30, 40), np.uint8))
    assert np.isfinite(match.score) and match.is_new


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "other", "version", "cut"])
def test_what_is_no_map_is_told(place_map: PlaceMap, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "map.npz"
    if kind == "text":
        path.write_text("places")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "other":
        np.savez(path, x=np.zeros(3))
    elif kind == "version":
        about = json.dumps({"format": "spikeloop place map", "version": 99}).encode()
        np.savez(path, about=np.frombuffer(about, np.uint8))
    elif kind == "cut":
        save_map(place_map, path)
        path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(MapError, match=r"map\.npz"):
        load_map(path)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_damaged_maps_are_told_or_read(tmp_path_factory, place_map: PlaceMap, data) -> None:
    path = tmp_path_factory.mktemp("maps") / "map.npz"
    save_map(place_map, path)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        load_map(path)
    except MapError as error:
        assert "map.npz" in str(error)


def test_networks_asked_of_a_map_without_are_told() -> None:
    bare = make_map(references(0, 3), poses(0, 3), PICTURE, CONFIG, ())
    with pytest.raises(ValueError, match="keeps pictures only"):
        PlaceRecogniser(bare)
    assert PlaceRecogniser(bare, "sad").feed(pictures(1, 1, 0.1, 5)[0]).index == 1
