"""RobotCar's layout: a tiny traverse, and what can be wrong with it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from spikeloop.datasets.recognising import recognise
from spikeloop.datasets.robotcar import RobotCarTraverse, traverses
from spikeloop.datasets.source import DatasetError

START = 1_418_132_416_737_115


def make_traverse(root: Path) -> Path:
    """Eight pictures, 10 m/s to the north; the last is behind the end of the track."""
    path = root / "2014-12-09-13-21-02"
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
    (traverse,) = traverses(tmp_path)
    assert traverse.name == "2014-12-09-13-21-02"
    assert (traverse.times - START).tolist() == [100_000 * k for k in range(8)]  # one isn't there
    grey = traverse.picture(0)
    # Red counts 0.299 for grey.
    assert grey.shape == (8, 8) and grey[3:5, 3:5].mean() == pytest.approx(0.299 * 200, abs=2.0)
    north = traverse.positions[:, 0] - 5_735_000
    assert north[:7].tolist() == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert np.isnan(traverse.positions[7]).all()
    assert traverse.every(2.0).tolist() == [0, 2, 4, 6]
    assert recognise(tmp_path) == "robotcar"


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    path = make_traverse(tmp_path)
    traverse = RobotCarTraverse(path)
    with pytest.raises(DatasetError, match="metres must be above 0"):
        traverse.every(0.0)
    (path / "gps/ins.csv").write_text("timestamp,northing\n1,2\n")
    with pytest.raises(DatasetError, match=r"ins\.csv: lacks the column 'easting'; it has"):
        _ = RobotCarTraverse(path).positions
    (path / "gps/ins.csv").write_text("timestamp,northing,easting\n1,2,x\n")
    with pytest.raises(DatasetError, match=r"ins\.csv: line 2: could not convert"):
        _ = RobotCarTraverse(path).positions
    (path / "stereo.timestamps").write_text("5 1\n")
    with pytest.raises(DatasetError, match=r"holds none of stereo\.timestamps's pictures"):
        _ = RobotCarTraverse(path).times
    with pytest.raises(DatasetError, match=r"mono_left: no such folder"):
        RobotCarTraverse(path, "mono_left", "")
    with pytest.raises(DatasetError, match=r"holds no stereo\.timestamps"):
        traverses(path / "gps")
