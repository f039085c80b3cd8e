"""Gen1 and 1Mpx: tiny DAT and NPY files in their layout, and what can be wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spikeloop.datasets.prophesee import GEN1, MEGAPIXEL, recordings
from spikeloop.datasets.source import DatasetError

GEN1_BOXES = [
    ("ts", "<u8"), ("x", "<f4"), ("y", "<f4"), ("w", "<f4"), ("h", "<f4"), ("class_id", "u1"),
    ("confidence", "<f4"), ("track_id", "<u4"),
]  # fmt: skip
MEGAPIXEL_BOXES = [
    ("t", "<u8"), ("x", "<f4"), ("y", "<f4"), ("w", "<f4"), ("h", "<f4"), ("class_id", "<u4"),
    ("track_id", "<u4"), ("class_confidence", "<f4"),
]  # fmt: skip


def make_recording(root: Path, width: int, height: int, boxes: np.ndarray) -> Path:
    """Of three events; a record is 14 bits of column, 14 of row, 4 of polarity."""
    folder = root / "train"
    folder.mkdir(parents=True)
    path = folder / "17-04-13_15-05-43_59500000_119500000_td.dat"
    records = np.zeros(3, [("t", "<u4"), ("address", "<u4")])
    records["t"] = [5, 1000, 2000]
    records["address"] = [3 | (4 << 14) | (1 << 28), 10 | (20 << 14), (width - 1) | (1 << 28)]
    header = f"% Data file containing Event2D events.\n% Version 2\n% Height {height}\n"
    header += f"% Width {width}\n"
    path.write_bytes(header.encode() + bytes([12, 8]) + records.tobytes())
    np.save(str(path).replace("_td.dat", "_bbox.npy"), boxes)
    return root


def test_gen1(tmp_path: Path) -> None:
    boxes = np.array(
        [(900_000, 5, 6, 50, 40, 0, 1.0, 7), (100_000, 0, 0, 60, 60, 1, 1.0, 8),
         (800_000, 0, 0, 9, 90, 1, 1.0, 9)], GEN1_BOXES
    )  # fmt: skip
    (found,) = recordings(make_recording(tmp_path, 304, 240, boxes), "train")
    assert found.kind is GEN1 and found.name.endswith("119500000")
    events = found.events()
    assert events.t.tolist() == [5, 1000, 2000] and events.p.tolist() == [1, 0, 1]
    assert events.x.tolist() == [3, 10, 303] and events.y.tolist() == [4, 20, 0]
    assert found.events(6, 2000).t.tolist() == [1000]
    assert found.boxes()["t"].tolist() == [100_000, 800_000, 900_000]
    # Too early, and too narrow.
    scored = found.boxes(scored=True)
    assert scored["track_id"].tolist() == [7] and scored["class_confidence"].tolist() == [1.0]
    assert found.kind.classes[int(scored["class_id"][0])] == "car"


def test_1mpx(tmp_path: Path) -> None:
    boxes = np.array([(900_000, 5, 6, 70, 40, 2, 7, 0.5)], MEGAPIXEL_BOXES)
    (found,) = recordings(make_recording(tmp_path, 1280, 720, boxes), "train")
    assert found.kind is MEGAPIXEL
    assert found.boxes(scored=True)["class_confidence"].tolist() == [0.5]


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    no_class = np.zeros(1, [field for field in GEN1_BOXES if field[0] != "class_id"])
    root = make_recording(tmp_path / "a", 304, 240, no_class)
    (found,) = recordings(root, "train")
    with pytest.raises(DatasetError, match=r"_bbox\.npy: the records lack the field 'class_id'"):
        found.boxes()
    wrong = np.zeros(1, GEN1_BOXES)
    wrong["class_id"] = 6
    (found,) = recordings(make_recording(tmp_path / "b", 304, 240, wrong), "train")
    with pytest.raises(DatasetError, match="class_id 6 isn't one of the 2 classes of gen1"):
        found.boxes()
    with pytest.raises(DatasetError, match="states a sensor of 640x480"):
        recordings(make_recording(tmp_path / "c", 640, 480, wrong), "train")
    with pytest.raises(DatasetError, match="no such folder, where the val split"):
        recordings(root, "val")
    found.path.with_name(found.name + "_bbox.npy").unlink()
    with pytest.raises(DatasetError, match=r"_bbox\.npy: no such file"):
        found.boxes()
