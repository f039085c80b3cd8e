"""Nordland's folders, and which data set lies in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spikeloop.datasets.nordland import nordland
from spikeloop.datasets.recognising import recognise
from spikeloop.datasets.source import DatasetError


def make_seasons(root: Path, seasons: tuple[str, ...] = ("summer", "winter")) -> Path:
    for number, season in enumerate(seasons):
        (root / season).mkdir(parents=True)
        for place in range(1, 7):
            picture = Image.fromarray(np.full((4, 6, 3), 10 * place + number, np.uint8))
            picture.save(root / season / f"images-{place:05d}.png")
    return root


def test_same_name_is_same_place(tmp_path: Path) -> None:
    places = nordland(make_seasons(tmp_path), ("summer", "winter"))
    assert len(places.names) == 6
    assert places.picture("summer", 2)[0, 0] == 30 and places.picture("winter", 2)[0, 0] == 31
    some = nordland(tmp_path, ("summer", "winter"), every=2, most=2)
    assert some.names == ("images-00001.png", "images-00003.png")


def test_the_list_of_names_leaves_out_the_rest(tmp_path: Path) -> None:
    make_seasons(tmp_path)
    (tmp_path / "nordland_imageNames.txt").write_text(
        "images-00005.png\nsummer/images-00002.png\n\n"
    )
    assert nordland(tmp_path, ("summer",)).names == ("images-00005.png", "images-00002.png")
    (tmp_path / "winter/images-00002.png").unlink()
    assert nordland(tmp_path, ("summer", "winter")).names == ("images-00005.png",)


def test_names_without_leading_zeros_are_in_the_order_of_the_way(tmp_path: Path) -> None:
    (tmp_path / "summer").mkdir()
    for place in (100, 10, 9, 1):
        Image.new("L", (6, 4), place).save(tmp_path / "summer" / f"{place}.png")
    assert nordland(tmp_path, ("summer",)).names == ("1.png", "9.png", "10.png", "100.png")


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    make_seasons(tmp_path)
    with pytest.raises(DatasetError, match=r"unknown season 'autumn'.*; there are: spring, summer"):
        nordland(tmp_path, ("autumn",))
    with pytest.raises(DatasetError, match="spring: no such folder, where the pictures of spring"):
        nordland(tmp_path, ("spring",))
    (tmp_path / "fall").mkdir()
    with pytest.raises(DatasetError, match=r"fall: holds no pictures \(\.png"):
        nordland(tmp_path, ("fall",))
    (tmp_path / "nordland_imageNames.txt").write_text("other.png\n")
    with pytest.raises(DatasetError, match="no picture of the same name that the list"):
        nordland(tmp_path, ("summer",))
    (tmp_path / "nordland_imageNames.txt").write_bytes(b"Bod\xf8.png\n")
    with pytest.raises(DatasetError, match=r"nordland_imageNames\.txt: must be text in UTF-8"):
        nordland(tmp_path, ("summer",))
    with pytest.raises(DatasetError, match="every must be at least 1"):
        nordland(tmp_path, every=0)


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    places = nordland(make_seasons(tmp_path), ("summer",))
    (tmp_path / "summer/images-00001.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    with pytest.raises(DatasetError, match=r"images-00001\.png: can't be read as a picture"):
        places.picture("summer", 0)


@pytest.mark.parametrize(
    ("file", "name"),
    (
        ("a/events/left/events.h5", "dsec"),
        ("a/outdoor_day1_data.hdf5", "mvsec"),
        ("train/x_td.dat", "prophesee"),
    ),
)
def test_data_sets_are_recognised(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    assert recognise(tmp_path) == name


def test_nordland_is_recognised_and_nothing_is_not(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no data set that is known; DSEC has"):
        recognise(tmp_path)
    assert recognise(make_seasons(tmp_path)) == "nordland"
    with pytest.raises(DatasetError, match="no such folder, where a data set should be"):
        recognise(tmp_path / "x")


def test_own_drives_called_by_seasons_are_no_nordland(tmp_path: Path) -> None:
    unknown = r"Nordland pictures \(\.png.*\) directly in two or more of the folders spring, summer"
    for season in ("summer", "winter"):
        (tmp_path / "bags" / season).mkdir(parents=True)
        (tmp_path / "bags" / season / "drive.mcap").touch()
        (tmp_path / "deep" / season / "left").mkdir(parents=True)
        Image.new("L", (6, 4)).save(tmp_path / "deep" / season / "left" / "1.png")
    posed = make_seasons(tmp_path / "posed")
    for season in ("summer", "winter"):
        (posed / season / "poses.csv").write_text("file,x,y,heading\n")
    for name in ("bags", "deep", "posed"):
        with pytest.raises(DatasetError, match=unknown):
            recognise(tmp_path / name)
    # One season more has poses, but two are left.
    more = make_seasons(tmp_path / "more", ("spring", "summer", "winter"))
    (more / "spring" / "poses.csv").touch()
    assert recognise(more) == "nordland"
    (more / "summer" / "poses.csv").touch()
    with pytest.raises(DatasetError, match=unknown):
        recognise(more)
