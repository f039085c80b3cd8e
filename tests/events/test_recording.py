"""The shared recording's figures, and files that are broken, cut or something else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spikeloop.events.recording import Recording, RecordingError

DATA = Path(__file__).parents[1] / "data" / "evt3_test_events_1"
COMMAND = [str(Path(sys.prefix) / "bin" / "spikeloop"), "events", "info"]


def _info(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60)


def test_info_gives_the_exact_figures(tmp_path: Path) -> None:
    result = _info(str(DATA), "--json", str(tmp_path / "info.json"))
    assert result.returncode == 0
    facts = json.loads((tmp_path / "info.json").read_text())
    assert facts["OFF events"] == 218_291 and facts["ON events"] == 125_183
    assert facts["first time, us"] == 7_139_845 and facts["last time, us"] == 9_218_023
    assert facts["sum of times, us"] == 2_851_601_611_994
    assert facts["sum of x"] == 116_731_888 and facts["sum of y"] == 80_879_209
    assert facts["triggers of channel 6, value 1"] == 2_079
    assert facts["triggers of channel 6, value 0"] == 2_078
    assert facts["sum of trigger times, us"] == 33_999_437_880
    assert facts["meta"]["encoding"] == "evt3" and facts["meta"]["sensor"] == "640x480"
    assert "218,291" in result.stdout


def test_a_cut_file_keeps_what_came_before_and_says_where_it_broke(tmp_path: Path) -> None:
    folder = tmp_path / "cut"
    shutil.copytree(DATA, folder)
    database = next(folder.glob("*.db3"))
    database.write_bytes(database.read_bytes()[:1_400_000])
    result = _info(str(folder))
    assert result.returncode == 1
    assert "breaks off after" in result.stderr and "of 517 packets" in result.stderr
    assert "Traceback" not in result.stderr
    packets = [line for line in result.stdout.splitlines() if line.startswith("packets")]
    assert 0 < int(packets[0].split()[-1]) < 517


def test_foreign_files_are_named(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    for path, message in (
        (tmp_path / "absent", "no such file"),
        (tmp_path, "no metadata.yaml"),
        (text, "can't be opened"),
    ):
        result = _info(str(path))
        assert result.returncode == 2
        assert message in result.stderr and str(path) in result.stderr
        assert "Traceback" not in result.stderr


def test_a_topic_that_isnt_there_lists_those_that_are() -> None:
    with pytest.raises(RecordingError, match=r"topics: /event_camera/events"):
        Recording(DATA, "/camera")
