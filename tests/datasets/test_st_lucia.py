"""St Lucia's layouts: tiny traverses, and what can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from spikeloop.datasets.recognising import recognise
from spikeloop.datasets.source import DatasetError
from spikeloop.datasets.st_lucia import st_lucia, traverses

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
    (traverse,) = traverses(tmp_path)
    assert traverse.picture(2).tolist() == np.full((3, 4), 20).tolist()
    assert traverse.name == "100909_0845"
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
    database, queries = traverses(tmp_path)
    assert (database.positions[:, 1] - 6_950_000).tolist() == [60.0, 0.0, 30.0]
    assert (queries.positions[:, 1] - 6_950_000).tolist() == [24.0, 95.0]
    assert recognise(tmp_path) == "st_lucia"


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"holds no pictures \([^)]*\)$"):
        st_lucia(tmp_path / "empty")
    with pytest.raises(DatasetError, match=r"holds neither fGPS\.mat nor fGPS\.txt nor folders"):
        traverses(tmp_path / "empty")
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
    (path / "fGPS.txt").write_text("0 0\n" * 4)
    with pytest.raises(DatasetError, match="no row has a place"):
        st_lucia(path)
    (path / "fGPS.txt").unlink()
    with pytest.raises(DatasetError, match=r"needs fGPS\.mat or fGPS\.txt, or pictures called"):
        st_lucia(path)
