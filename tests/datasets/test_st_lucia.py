"""St Lucia's layouts: tiny traverses, and what can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from spikeloop.datasets.recognising import recognise
from spikeloop.datasets.source import DatasetError
from spikeloop.datasets.st_lucia import ORIGIN, st_lucia, traverse_folders

LATITUDE, LONGITUDE = -27.5, 153.0
DEGREE_M = 6_371_000.0 * np.pi / 180.0


def make_traverse(path: Path, places: int = 4, suffix: str = ".mat") -> Path:
    """Frames 15 m apart to the north; of the second one no place is known."""
    path.mkdir(parents=True)
    rows = np.array([[LATITUDE + 15.0 * k / DEGREE_M, LONGITUDE] for k in range(places)])
    rows[1] = 0.0
    for k in range(places):
        Image.new("L", (4, 3), 10 * k).save(path / f"cam0_{k:05}.png")
    if suffix == ".mat":
        savemat(path / "fGPS.mat", {"fGPS": rows})
    else:
        (path / "fGPS.txt").write_text("".join(f"{a:.9f} {b:.9f}\n" for a, b in rows))
    return path


@pytest.mark.parametrize("suffix", [".mat", ".txt"])
def test_frames_and_places_of_a_track(tmp_path: Path, suffix: str) -> None:
    make_traverse(tmp_path / "100909_0845", suffix=suffix)
    ((name, folder),) = traverse_folders(tmp_path).items()
    assert (name, folder) == ("100909_0845", tmp_path / "100909_0845")
    traverse = st_lucia(folder)
    assert traverse.picture(2).tolist() == np.full((3, 4), 20).tolist()
    assert traverse.positions[[0, 2, 3], 1].tolist() == pytest.approx([0, 30, 45], abs=1e-3)
    assert np.isnan(traverse.positions[1]).all()
    assert recognise(tmp_path) == "st_lucia"


@pytest.mark.parametrize("folder", ["database", "gallery"])
def test_names_tell_places_and_their_order(tmp_path: Path, folder: str) -> None:
    for name, norths in ((folder, (60.0, 0.0, 30.0)), ("queries", (24.0, 95.0))):
        path = tmp_path / "images" / "test" / name
        path.mkdir(parents=True)
        for frame, north in enumerate(norths):
            place = f"@{500000.0:.2f}@{6950000.0 + north:09.2f}@56@J@-27.5@153.0"
            # The queries are of somebody who keeps no frames.
            told = f"100909_0845_{frame:05}" if name == folder else ""
            Image.new("L", (4, 3)).save(path / f"{place}@{told}@@@@@@@@.jpg")
    folders = traverse_folders(tmp_path)
    assert sorted(folders) == [folder, "queries"]
    database, queries = st_lucia(folders[folder]), st_lucia(folders["queries"])
    assert (database.positions[:, 1] - 6_950_000).tolist() == [60.0, 0.0, 30.0]
    assert (queries.positions[:, 1] - 6_950_000).tolist() == [24.0, 95.0]
    assert recognise(tmp_path) == "st_lucia"


def test_traverses_agree_on_where_a_place_is(tmp_path: Path) -> None:
    norths = 10.0 * np.arange(12)
    for name, begin, sign in (("morning", 0, 1.0), ("noon", 5, -1.0)):
        path = tmp_path / name
        path.mkdir()
        lines = []
        for north in norths[begin:]:
            Image.new("L", (4, 3)).save(path / f"{north:03.0f}.png")
            lines.append(f"{sign * (LATITUDE + north / DEGREE_M):.9f} {LONGITUDE + 0.01:.9f}\n")
        (path / "fGPS.txt").write_text("".join(lines))
    morning, noon = st_lucia(tmp_path / "morning"), st_lucia(tmp_path / "noon")
    # Noon begins 50 m later, and its latitudes lack their sign.
    np.testing.assert_allclose(noon.positions, morning.positions[5:], atol=0.1)
    np.testing.assert_allclose(noon.positions[:, 1], norths[5:], atol=0.1)
    east = 0.01 * DEGREE_M * np.cos(np.radians(LATITUDE))
    np.testing.assert_allclose(noon.positions[:, 0], east, atol=0.1)
    assert ORIGIN.tolist() == [LATITUDE, LONGITUDE]


def test_frames_without_leading_zeros_are_in_the_order_of_driving(tmp_path: Path) -> None:
    order = ["1/8.png", "1/9.png", "2/10.png", "2/100.png", "10/3.png"]
    for name in order:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (4, 3)).save(tmp_path / name)
    (tmp_path / "fGPS.txt").write_text("-27.5 153.0\n" * len(order))
    files = st_lucia(tmp_path).files
    assert [file.relative_to(tmp_path).as_posix() for file in files] == order


def test_frames_of_names_are_in_the_order_of_driving(tmp_path: Path) -> None:
    for frame, north in ((100, 3.0), (10, 2.0), (9, 1.0)):
        Image.new("L", (4, 3)).save(tmp_path / f"@5.00@{north:.2f}@56@J@@@day_{frame}@@.jpg")
    assert st_lucia(tmp_path).positions[:, 1].tolist() == [1.0, 2.0, 3.0]


def test_an_incomplete_traverse_leaves_the_others_to_be_read(tmp_path: Path) -> None:
    make_traverse(tmp_path / "whole")
    broken = make_traverse(tmp_path / "broken")
    Image.new("L", (4, 3)).save(broken / "cam0_00009.png")
    folders = traverse_folders(tmp_path)
    assert sorted(folders) == ["broken", "whole"]
    assert len(st_lucia(folders["whole"]).files) == 4
    with pytest.raises(DatasetError, match="5 pictures, but"):
        st_lucia(folders["broken"])


def test_folders_of_two_splits_are_told_apart(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split / "queries").mkdir(parents=True)
    (tmp_path / "test" / "database").mkdir()
    assert sorted(traverse_folders(tmp_path)) == ["database", "test/queries", "train/queries"]


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"holds no pictures \([^)]*\)$"):
        st_lucia(tmp_path / "empty")
    with pytest.raises(DatasetError, match=r"holds neither fGPS\.mat nor fGPS\.txt nor folders"):
        traverse_folders(tmp_path / "empty")
    (tmp_path / "film").mkdir()
    (tmp_path / "film" / "webcam_video.avi").write_bytes(b"")
    with pytest.raises(DatasetError, match="take the frames out: ffmpeg -i webcam_video"):
        st_lucia(tmp_path / "film")
    path = make_traverse(tmp_path / "short")
    Image.new("L", (4, 3)).save(path / "cam0_00009.png")
    with pytest.raises(DatasetError, match=r"5 pictures, but fGPS\.mat has 4 rows"):
        st_lucia(path)
    savemat(path / "fGPS.mat", {"gps": np.zeros((5, 2))})
    with pytest.raises(DatasetError, match="can't be read as a matrix 'fGPS'"):
        st_lucia(path)
    path = make_traverse(tmp_path / "text", suffix=".txt")
    (path / "fGPS.txt").write_text("north east\n")
    with pytest.raises(DatasetError, match=r"fGPS\.txt: line 1 must hold latitude and longitude"):
        st_lucia(path)
    (path / "fGPS.txt").write_bytes(b"-27.5 153.0\xb0\n")
    with pytest.raises(DatasetError, match=r"fGPS\.txt: must be text in UTF-8"):
        st_lucia(path)
    (path / "fGPS.txt").write_text("0 0\n" * 4)
    with pytest.raises(DatasetError, match="no row has a place"):
        st_lucia(path)
    (path / "fGPS.txt").unlink()
    with pytest.raises(DatasetError, match=r"needs fGPS\.mat or fGPS\.txt, or pictures called"):
        st_lucia(path)
