"""Brisbane-Event-VPR's layout: a tiny traverse, and what can be wrong with it."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spikeloop.datasets.brisbane_event import ORIGIN, BrisbaneTraverse, traverses
from spikeloop.datasets.recognising import recognise
from spikeloop.datasets.source import DatasetError

BEGIN = datetime.datetime(2020, 4, 21, 7, 3, 4, tzinfo=datetime.UTC).timestamp()
TRACK = "20200421_170039-sunset1_concat.nmea"
NAME = "dvs_vpr_2020-04-21-17-03-03"


def sentence(body: str) -> str:
    total = 0
    for letter in body.encode():
        total ^= letter
    return f"${body}*{total:02X}"


def rmc(second: int, minutes: float, status: str = "A") -> str:
    """A place so many minutes of arc south of 27 degrees."""
    return sentence(
        f"GPRMC,0703{second:02d}.00,{status},27{minutes:08.5f},S,15300.78000,E,20.0,180.0,210420,,,A"
    )


def make_traverse(path: Path) -> Path:
    """1852 m to the south in 10 s, with a gap and other sentences."""
    path.mkdir(parents=True, exist_ok=True)
    lines = [sentence("GPGGA,070304.00,2729.862,S,15300.78,E,1,08,1.0,10,M,,M,,")]
    lines += [rmc(4, 29.862), rmc(9, 30.0, "V"), rmc(14, 30.862), ""]
    (path / TRACK).write_text("\n".join(lines))
    (path / f"{NAME}.bag").write_bytes(b"")
    (path / NAME).mkdir()
    for time in (BEGIN + 10.5, BEGIN + 5.0):
        Image.new("L", (4, 3), 7).save(path / NAME / f"{time}.png")
    return path


def test_track_frames_and_recording(tmp_path: Path) -> None:
    make_traverse(tmp_path)
    (traverse,) = traverses(tmp_path)
    assert (traverse.name, traverse.recording.name) == ("sunset1", f"{NAME}.bag")
    assert (traverse.track[:, 0] - BEGIN).tolist() == [0.0, 10.0]  # the one without a place is out
    assert traverse.track[0, 1:].tolist() == pytest.approx([0.0, 0.0], abs=0.1)
    assert ORIGIN.tolist() == pytest.approx([-(27 + 29.862 / 60), 153.013])
    # A minute of arc is a nautical mile.
    assert traverse.track[1, 2] == pytest.approx(-1852.0, abs=3.0)
    assert (traverse.frame_times - BEGIN).tolist() == pytest.approx([5.0, 10.5])
    at = traverse.positions(traverse.frame_times)
    assert at[0, 1] == pytest.approx(-926.0, abs=2.0) and np.isnan(at[1]).all()
    assert traverse.frame(0).shape == (3, 4)
    shifted = BrisbaneTraverse(tmp_path, "sunset1", shift_s=5.0)
    assert shifted.positions(np.array([BEGIN + 10.0]))[0, 1] == pytest.approx(-926.0, abs=2.0)
    assert recognise(tmp_path) == "brisbane_event"


@pytest.mark.parametrize("below", [".", "frames/sunset"])
def test_frames_lie_anywhere_below(tmp_path: Path, below: str) -> None:
    path = make_traverse(tmp_path)
    (path / below).mkdir(parents=True, exist_ok=True)
    (path / NAME).rename(path / below / NAME)
    traverse = BrisbaneTraverse(path, "sunset1")
    assert traverse.has_frames
    assert [file.parent for file in traverse.frames] == [path / below / NAME] * 2


def test_of_two_folders_of_frames_the_first_is_read(tmp_path: Path) -> None:
    path = make_traverse(tmp_path)
    for folder, time in (("b", BEGIN + 1.0), ("a", BEGIN + 2.0)):
        (path / folder / NAME).mkdir(parents=True)
        Image.new("L", (4, 3)).save(path / folder / NAME / f"{time}.png")
    frames = BrisbaneTraverse(path, "sunset1").frames
    assert frames == (path / "a" / NAME / f"{BEGIN + 2.0}.png",)


def test_there_may_be_no_folder_of_frames(tmp_path: Path) -> None:
    path = make_traverse(tmp_path)
    (path / NAME).rename(path / "elsewhere")
    (path / NAME).touch()  # of that name, but no folder
    traverse = BrisbaneTraverse(path, "sunset1")
    assert not traverse.has_frames
    with pytest.raises(DatasetError, match=rf"no folder {NAME}, where the frames of sunset1"):
        _ = traverse.frames


def test_a_garbled_byte_matters_only_where_a_place_is_told(tmp_path: Path) -> None:
    path = make_traverse(tmp_path)
    good = (path / TRACK).read_bytes()
    (path / TRACK).write_bytes(good.replace(b"$GPGGA,0703", b"$GPGGA,\xff703"))
    assert len(BrisbaneTraverse(path, "sunset1").track) == 2
    (path / TRACK).write_bytes(good.replace(b"$GPRMC,0703", b"$GPRMC,\xff703", 1))
    with pytest.raises(DatasetError, match=r"sunset1_concat\.nmea: line 2: the checksum"):
        _ = BrisbaneTraverse(path, "sunset1").track


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no track such as 20200421_170039-sunset1"):
        traverses(tmp_path)
    path = make_traverse(tmp_path / "set")
    with pytest.raises(DatasetError, match="unknown traverse 'sunset'"):
        BrisbaneTraverse(path, "sunset")
    with pytest.raises(DatasetError, match="holds no track of night"):
        BrisbaneTraverse(path, "night")
    (path / f"{NAME}.bag").unlink()
    with pytest.raises(DatasetError, match=r"holds no events of sunset1 \(dvs_vpr_2020"):
        _ = BrisbaneTraverse(path, "sunset1").recording
    (path / NAME / "first.png").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"first\.png: must be called by its time in s"):
        _ = BrisbaneTraverse(path, "sunset1").frames
    (path / TRACK).write_text(rmc(4, 29.862)[:-2] + "00\n")
    with pytest.raises(DatasetError, match=r"line 1: the checksum 00 is wrong"):
        _ = BrisbaneTraverse(path, "sunset1").track
    (path / TRACK).write_text(rmc(4, 29.862, "V") + "\n")
    with pytest.raises(DatasetError, match="no sentence RMC tells a place"):
        _ = BrisbaneTraverse(path, "sunset1").track
