"""`spikeloop events`: info of every kind, conversion, pictures, films and statistics."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spikeloop.cli.main import main
from spikeloop.events.array import Events
from spikeloop.events.health import MOST_BINS, StreamHealth

DATA = Path(__file__).parents[1] / "data"
BAG, PEERS = DATA / "evt3_test_events_1", DATA / "peers"
DAVIS = DATA / "aedat4_davis346" / "davis.aedat4"
FILES = [BAG, DAVIS, DATA / "mono_cd", *sorted(p for p in PEERS.iterdir() if p.suffix != ".npz")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_info_of_every_kind(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["events", "info", str(path), "--json", str(tmp_path / "i.json")]) == 0
    facts = json.loads((tmp_path / "i.json").read_text())
    assert facts["ON events"] + facts["OFF events"] > 0 and facts["meta"]["file"] == str(path)
    assert f"{facts['ON events']:,}" in capsys.readouterr().out


def test_convert_says_what_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["events", "convert", str(DAVIS), str(tmp_path / "a.mcap")]) == 0
    out = capsys.readouterr().out
    assert "117,667 events and 15 triggers of a sensor of 346x260" in out
    assert "not written: frames" in out and "not written: inertial samples" in out
    assert main(["events", "info", str(tmp_path / "a.mcap")]) == 0
    assert "192,262,428,963,394,867,498" in capsys.readouterr().out
    assert main(["events", "convert", str(DAVIS), str(tmp_path / "a.xyz")]) == 2
    assert "'.xyz' can't be written; there are" in capsys.readouterr().err
    assert main(["events", "convert", str(tmp_path / "absent"), str(tmp_path / "a.raw")]) == 2


@pytest.mark.parametrize("mode", ["newest", "count", "signed", "surface"])
def test_a_picture(mode: str, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    arguments = ["events", "view", str(BAG), "--out", str(out), "--mode", mode, "--end", "0.2"]
    assert main(arguments) == 0
    pixels = np.asarray(Image.open(out))
    assert pixels.shape == (480, 640, 3) and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 2


def test_a_film_has_a_picture_for_each_period(tmp_path: Path) -> None:
    out = tmp_path / "a.gif"
    assert main(["events", "view", str(DAVIS), "--out", str(out), "--period", "10"]) == 0
    with Image.open(out) as film:
        assert film.n_frames == 13 and film.size == (346, 260)  # type: ignore[attr-defined]
    window = ["--begin", "0.02", "--end", "0.06", "--period", "10"]
    assert main(["events", "view", str(DAVIS), "--out", str(out), *window]) == 0
    with Image.open(out) as film:
        assert film.n_frames == 4  # type: ignore[attr-defined]


def test_impossible_views_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["events", "view", str(BAG), "--out", "a.xyz"]) == 2
    assert "must end in one of .png" in capsys.readouterr().err
    out = ["--out", str(tmp_path / "a.gif")]
    assert main(["events", "view", str(BAG), *out, "--period", "0"]) == 2
    assert "--period (0.0)" in capsys.readouterr().err
    (tmp_path / "e.csv").write_text("t,x,y,p\n1,2,3,1\n")
    assert main(["events", "view", str(tmp_path / "e.csv"), *out, "--begin", "5"]) == 2
    assert "there are no events to show" in capsys.readouterr().err
    assert main(["events", "stats", str(BAG), "--size", "640"]) == 2
    assert "--size: size '640' must be of the form 640x480" in capsys.readouterr().err


def test_stats_print_and_draw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing, figures = tmp_path / "s.svg", tmp_path / "s.json"
    arguments = ["events", "stats", str(BAG), "--draw", str(drawing), "--json", str(figures)]
    assert main(arguments) == 0
    facts = json.loads(figures.read_text())
    assert facts["events"] == 343_474 and facts["steps back in time"] == 0
    assert facts["ON share"] == pytest.approx(125_183 / 343_474)
    assert facts["span, s"] == pytest.approx(2.078178)
    assert facts["gap 1, ms"] == pytest.approx(0.207)
    svg = drawing.read_text()
    assert svg.startswith("<svg") and "data:image/png" in svg and "<polyline" in svg
    cut = tmp_path / "cut"
    shutil.copytree(BAG, cut)
    database = next(cut.glob("*.db3"))
    database.write_bytes(database.read_bytes()[:1_400_000])
    assert main(["events", "stats", str(cut)]) == 1
    assert "breaks off" in capsys.readouterr().err


def _events(t: list[int], x: int = 1) -> Events:
    n = len(t)
    columns = np.full(n, x, np.uint16), np.zeros(n, np.uint16), np.ones(n, np.uint8)
    return Events(np.array(t, np.int64), *columns, 4, 3)


def test_gaps_steps_back_and_repetitions_by_hand() -> None:
    health = StreamHealth(4, 3)
    health.add(_events([1_000, 1_000, 5_000]))
    health.add(_events([4_000, 5_000, 5_000, 105_000]))
    assert (health.backward, health.largest_step_back, health.repeated) == (1, 1_000, 2)
    assert sorted(health.gaps, reverse=True)[:2] == [(100_000, 5_000), (4_000, 1_000)]
    begins, rate = health.rate()
    assert begins[0] == 1_000 and rate.sum() == 7_000 and health.span_us == 104_000
    health.add(_events([500]))
    begins, rate = health.rate()
    assert begins[0] == 0 and rate.sum() == 8_000


def test_memory_stays_bounded_over_days() -> None:
    health = StreamHealth(4, 3)
    for hour in range(0, 100, 7):
        health.add(_events([hour * 3_600_000_000 + k for k in range(10)]))
    begins, rate = health.rate()
    assert len(begins) <= MOST_BINS and (rate * health.bin_us / 1e6).sum() == pytest.approx(150)
    assert StreamHealth(4, 3).facts()["events"] == 0


def test_what_cant_be_written_is_told_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film, absent = PEERS / "evt3.raw", tmp_path / "no" / "such"
    for arguments in (
        ["stats", str(film), "--draw", f"{absent}.svg"],
        ["info", str(film), "--json", f"{absent}.json"],
        ["view", str(film), "--out", f"{absent}.png"],
        ["convert", str(film), f"{absent}.npz"],
    ):
        assert main(["events", *arguments]) == 2
        assert "such" in (said := capsys.readouterr().err) and "No such file or directory" in said
    (tmp_path / "a.raw").write_bytes(b"")
    assert main(["events", "info", str(tmp_path / "a.raw")]) == 2
    assert capsys.readouterr().err == f"spikeloop events: {tmp_path}/a.raw: is empty\n"
