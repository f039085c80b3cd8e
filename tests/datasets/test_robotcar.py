"""RobotCar's layout: a tiny traverse, and what can be wrong with it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from spikeloop.datasets.positions import spaced
from spikeloop.datasets.recognising import recognise
from spikeloop.datasets.robotcar import RobotCarTraverse, traverse_folders
from spikeloop.datasets.source import DatasetError

START = 1_418_132_416_737_115


def make_traverse(root: Path, name: str = "2014-12-09-13-21-02") -> Path:
    """Eight pictures, 10 m/s to the north; the last is behind the end of the track."""
    path = root / name
    (path / "stereo/centre").mkdir(parents=True)
    (path / "gps").mkdir()
    times = [START + 100_000 * k for k in range(9)]
    (path / "stereo.timestamps").write_text("".join(f"{time} 1\n" for time in times))
    for k, time in enumerate(times[:8]):
        # Rows of G and B, then of R and G: a red scene.
        mosaic = np.zeros((8, 8), np.uint8)
        mosaic[1::2, ::2] = 200
        mosaic[:, :] += np.uint8(k)
        cv2.imwrite(str(path / f"stereo/centre/{time}.png"), mosaic)
    lines = ["timestamp,ins_status,northing,easting,down"]
    lines += [f"{START + 50_000 * k},GOOD,{5735000 + 0.5 * k},620000,-1" for k in range(14)]
    (path / "gps/ins.csv").write_text("\n".join(lines) + "\n")
    return path


def test_pictures_and_places(tmp_path: Path) -> None:
    make_traverse(tmp_path)
    folders = traverse_folders(tmp_path)
    assert folders == {"2014-12-09-13-21-02": tmp_path / "2014-12-09-13-21-02"}
    traverse = RobotCarTraverse(folders["2014-12-09-13-21-02"])
    assert traverse.name == "2014-12-09-13-21-02"
    assert (traverse.times - START).tolist() == [100_000 * k for k in range(8)]  # one isn't there
    grey = traverse.picture(0)
    # Red counts 0.299 for grey.
    assert grey.shape == (8, 8) and grey[3:5, 3:5].mean() == pytest.approx(0.299 * 200, abs=2.0)
    north = traverse.positions[:, 0] - 5_735_000
    assert north[:7].tolist() == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert np.isnan(traverse.positions[7]).all()
    assert spaced(traverse.positions, 2.0).tolist() == [0, 2, 4, 6]
    assert recognise(tmp_path) == "robotcar"


def test_an_incomplete_traverse_leaves_the_others_to_be_read(tmp_path: Path) -> None:
    make_traverse(tmp_path, "whole")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "stereo.timestamps").touch()
    folders = traverse_folders(tmp_path)
    assert sorted(folders) == ["broken", "whole"]
    assert len(RobotCarTraverse(folders["whole"]).times) == 8
    with pytest.raises(DatasetError, match="centre: no such folder, where the pictures of stereo"):
        RobotCarTraverse(folders["broken"])


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    path = make_traverse(tmp_path)
    (path / "gps/ins.csv").write_text("timestamp,northing\n1,2\n")
    with pytest.raises(DatasetError, match=r"ins\.csv: lacks the column 'easting'; it has"):
        _ = RobotCarTraverse(path).positions
    (path / "gps/ins.csv").write_text("timestamp,northing,easting\n1,2,x\n")
    with pytest.raises(DatasetError, match=r"ins\.csv: line 2: could not convert"):
        _ = RobotCarTraverse(path).positions
    (path / "gps/ins.csv").write_bytes(b"timestamp,northing,easting,\xe9tat\n1,2,3,4\n")
    with pytest.raises(DatasetError, match=r"ins\.csv: must be text in UTF-8"):
        _ = RobotCarTraverse(path).positions
    (path / "stereo.timestamps").write_bytes(b"5 1 \xb5s\n")
    with pytest.raises(DatasetError, match=r"stereo\.timestamps: must be text in UTF-8"):
        _ = RobotCarTraverse(path).times
    (path / "stereo.timestamps").write_text("5 1\n")
    with pytest.raises(DatasetError, match=r"holds none of stereo\.timestamps's pictures"):
        _ = RobotCarTraverse(path).times
    with pytest.raises(DatasetError, match=r"mono_left: no such folder"):
        RobotCarTraverse(path, "mono_left", "")
    with pytest.raises(DatasetError, match=r"holds no stereo\.timestamps"):
        traverse_folders(path / "gps")
