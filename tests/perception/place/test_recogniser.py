"""Maps made, extended, saved and damaged, and what is recognised on them by either method."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloop.perception.place.following import WayFollower
from spikeloop.perception.place.pictures import PictureConfig, edge_amplitudes, small_picture
from spikeloop.perception.place.place_map import MapError, PlaceMap, load_map, save_map
from spikeloop.perception.place.recogniser import extended, make_map, scorer
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
    follower = WayFollower(place_map, method, length)
    matches = [follower.feed(picture) for picture in pictures(0, PLACES, 0.15, 9)]
    assert np.mean([m.index == n for n, m in enumerate(matches)]) > 0.9
    assert np.mean([m.is_new for m in matches]) < 0.15
    assert matches[7].pose == (14.0, 0.0, 0.1)
    assert matches[7].margin > 0.0
    foreign = []
    for wall in range(5, 10):
        follower.reset()
        drive = pictures(0, PLACES, 0.15, 9, wall)
        foreign += [follower.feed(picture).is_new for picture in drive]
    assert np.mean(foreign) > 0.8


def test_reset_forgets_the_sequence(place_map: PlaceMap) -> None:
    follower = WayFollower(place_map, length=4)
    first, second = pictures(5, 2, 0.1, 3)
    alone = follower.feed(second)
    follower.reset()
    follower.feed(first)
    assert follower.feed(second) != alone
    follower.reset()
    assert follower.feed(second) == alone


def test_a_map_survives_its_file(place_map: PlaceMap, tmp_path: Path) -> None:
    save_map(place_map, tmp_path / "day.npz")
    again = load_map(tmp_path / "day.npz")
    picture = pictures(3, 1, 0.1, 3)[0]
    found, before = WayFollower(again).feed(picture), WayFollower(place_map).feed(picture)
    # Pictures are kept in 16 bits, so what the threshold is worked out from is rounded.
    assert found.threshold == pytest.approx(before.threshold, abs=0.01)
    assert replace(found, threshold=before.threshold) == before
    assert again.places == PLACES
    assert again.source == place_map.source and again.picture == PICTURE


def test_a_file_keeps_the_identity_of_its_map(place_map: PlaceMap, tmp_path: Path) -> None:
    save_map(place_map, tmp_path / "day.npz")
    again = load_map(tmp_path / "day.npz")
    assert not np.array_equal(again.references, place_map.references)  # in 16 bits
    assert again.identity == place_map.identity
    other = replace(place_map, references=-place_map.references)
    moved = replace(place_map, poses=place_map.poses + 1.0)
    assert len({place_map.identity, other.identity, moved.identity}) == 3


def test_maps_of_before_are_read_as_they_were() -> None:
    folder = Path(__file__).parents[2] / "data" / "place"
    with np.load(folder / "place.npz") as archive:
        assert "threshold" in json.loads(bytes(archive["about"]).decode())
    old = load_map(folder / "place.npz")
    assert (old.identity, old.places, len(old.networks)) == ("83e1491ff794", 12, 1)
    assert load_map(folder / "events.npz").identity == "f8aa63de004c"


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
    drive = [small_picture(picture, PICTURE) for picture in pictures(0, PLACES + 10, 0.15, 9)]
    found = scorer(longer, "temporal")(np.array([drive])).argmax(1)
    assert np.mean(found == np.arange(PLACES + 10)) > 0.85


def test_as_many_drives_are_asked_of_further_places(place_map: PlaceMap) -> None:
    with pytest.raises(ValueError, match="the map has 2 traversals, the new places 1"):
        extended(place_map, references(PLACES, 5)[:1], poses(PLACES, 5), CONFIG)


def test_a_single_place_is_a_map() -> None:
    single = make_map(references(0, 1), poses(0, 1), PICTURE, CONFIG, (0,))
    assert WayFollower(single).feed(pictures(0, 1, 0.1, 5)[0]).index == 0


@pytest.mark.parametrize("method", ["temporal", "sad"])
def test_black_pictures_have_scores(place_map: PlaceMap, method: str) -> None:
    scores = scorer(place_map, method)(np.zeros((1, 2, 16, 16), np.float32))
    assert scores.shape == (2, PLACES) and np.isfinite(scores).all()


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


@settings(max_examples=40)
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


def _about(**changes: object) -> Callable[[dict], None]:
    def change(arrays: dict) -> None:
        about = json.loads(bytes(arrays["about"]).decode()) | changes
        arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)

    return change


def _first(name: str, value: float) -> Callable[[dict], None]:
    def change(arrays: dict) -> None:
        arrays[name] = arrays[name].copy()
        arrays[name].flat[0] = value

    return change


def _as(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict], None]:
    def apply(arrays: dict) -> None:
        arrays[name] = change(arrays[name])

    return apply


ONE, MODULE = "network1", "network1/module0"
DAMAGE = {
    "poses": [_first("poses", np.inf), _as("poses", np.ravel), _as("poses", lambda p: p[:0])],
    "references": [
        _first("references", np.nan),
        _as("references", lambda r: r[:0]),
        _as("references", lambda r: r[0]),
        _as("references", lambda r: r.astype("U8")),
        _as("references", lambda r: r + 1j),
        _as("references", lambda r: r.astype(np.float64) + 1e300),
    ],
    f"{ONE}/mean": [_first(f"{ONE}/mean", np.nan), _as(f"{ONE}/mean", lambda m: m[:, None])],
    f"{ONE}/deviation": [
        _first(f"{ONE}/deviation", 0.0),
        _first(f"{ONE}/deviation", -1.0),
        _first(f"{ONE}/deviation", np.nan),
        _as(f"{ONE}/deviation", lambda d: d[:1]),
        _as(f"{ONE}/deviation", lambda d: np.float64(1.0)),
        lambda arrays: arrays.pop(f"{ONE}/deviation"),
    ],
    f"{MODULE}/feature": [
        _first(f"{MODULE}/feature", np.nan),
        _as(f"{MODULE}/feature", np.ravel),
        _as(f"{MODULE}/feature", lambda w: w[:, 1:]),
        _as(f"{MODULE}/feature", lambda w: w[:0]),
    ],
    f"{MODULE}/output": [
        _first(f"{MODULE}/output", np.inf),
        _as(f"{MODULE}/output", np.ravel),
        _as(f"{MODULE}/output", lambda w: w[:, 1:]),
        _as(f"{MODULE}/output", lambda w: w[1:]),
        _about(networks=[[[0, 2]], [[0, 0]]]),
    ],
    f"{MODULE}/resting": [
        _first(f"{MODULE}/resting", np.nan),
        _as(f"{MODULE}/resting", lambda r: r[1:]),
    ],
    f"{MODULE}:": [_about(networks=[[[0, 2]], [["0", 2]]])],
    "network1 knows 80 places": [_about(networks=[[[0, 2]], [[0, 1]]])],
    "source": [_about(source="foo"), _about(source=None)],
    "'side'": [_about(picture={"side": 16.0, "patch": 5}), _about(picture={"side": -16})],
}


@pytest.mark.parametrize(
    ("part", "damage"),
    [(part, damage) for part, kinds in DAMAGE.items() for damage in kinds],
    ids=[f"{part}-{n}" for part, kinds in DAMAGE.items() for n in range(len(kinds))],
)
def test_a_damaged_part_of_a_map_is_named(
    place_map: PlaceMap, tmp_path: Path, part: str, damage: Callable[[dict], None]
) -> None:
    path = tmp_path / "map.npz"
    save_map(place_map, path)
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, **arrays)
    load_map(path)
    damage(arrays)
    np.savez(path, **arrays)
    with pytest.raises(MapError, match=rf"map\.npz: .*{part}"):
        load_map(path)


def test_networks_asked_of_a_map_without_are_told() -> None:
    bare = make_map(references(0, 3), poses(0, 3), PICTURE, CONFIG, ())
    with pytest.raises(ValueError, match="keeps pictures only"):
        scorer(bare, "temporal")
    with pytest.raises(ValueError, match="must be one of temporal, sad, not 'hog'"):
        scorer(bare, "hog")
    assert scorer(bare, "sad")(references(0, 3)).argmax(1).tolist() == [0, 1, 2, 0, 1, 2]
