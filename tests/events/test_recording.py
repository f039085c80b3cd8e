"""The shared recording's figures, and files that are broken, cut or something else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from spikeloop.events.recording import EVENT_PACKET, FIELDS, Recording, RecordingError

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
    assert "1,400,000 of 2,920,448 bytes" in result.stderr
    assert "Traceback" not in result.stderr
    packets = [line for line in result.stdout.splitlines() if line.startswith("packets")]
    assert 0 < int(packets[0].split()[-1]) < 517


def test_foreign_files_are_named(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    for path, message in (
        (tmp_path / "absent", "no such file"),
        (tmp_path, "neither metadata.yaml nor .db3"),
        (text, "holds no lines of four numbers"),
    ):
        result = _info(str(path))
        assert result.returncode == 2
        assert message in result.stderr and str(path) in result.stderr
        assert "Traceback" not in result.stderr


def test_a_topic_that_isnt_there_lists_those_that_are() -> None:
    with pytest.raises(RecordingError, match=r"topics: /event_camera/events"):
        Recording(DATA, "/camera")


def _rewritten(folder: Path, change: Callable[[Any], None] = lambda message: None) -> Path:
    """The recording as MCAP, with every message changed."""
    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
    with (
        AnyReader([DATA], default_typestore=store) as reader,
        Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer,
    ):
        topic = writer.add_connection("/event_camera/events", EVENT_PACKET, typestore=store)
        for _, received, raw in reader.messages():
            message = store.deserialize_cdr(raw, EVENT_PACKET)
            change(message)
            writer.write(topic, received, store.serialize_cdr(message, EVENT_PACKET))
    return folder


def _numbers(path: Path) -> list[int]:
    return [packet.seq for packet in Recording(path).packets()]


def test_storage_files_are_read_without_metadata(tmp_path: Path) -> None:
    alone = tmp_path / "a #1?%20.db3"
    shutil.copy(next(DATA.glob("*.db3")), alone)
    whole = list(range(5590, 6107))
    assert _numbers(alone) == _numbers(tmp_path) == whole
    mcap = next(_rewritten(tmp_path / "mcap").glob("*.mcap"))
    assert _numbers(mcap) == whole


def test_a_cut_mcap_keeps_what_came_before(tmp_path: Path) -> None:
    file = next(_rewritten(tmp_path / "mcap").glob("*.mcap"))
    file.write_bytes(file.read_bytes()[:1_000_000])
    seen = []
    with pytest.raises(RecordingError, match=r"breaks off after 286 of 517 .* of 1,000,000"):
        for packet in Recording(tmp_path / "mcap").packets():
            seen.append(packet.seq)
    assert seen == list(range(5590, 5590 + 286))


def test_a_sensor_of_unknown_size_is_inferred_and_said_to_be(tmp_path: Path) -> None:
    def forget(message: Any) -> None:
        message.width = message.height = 0

    result = _info(str(_rewritten(tmp_path / "bag", forget)))
    assert result.returncode == 0
    assert "640x480 (inferred" in result.stdout and "218,291" in result.stdout


def test_big_endian_packets(tmp_path: Path) -> None:
    def swap(message: Any) -> None:
        message.is_bigendian = True
        message.events = message.events.view(np.uint16).byteswap().view(np.uint8)

    result = _info(str(_rewritten(tmp_path / "bag", swap)))
    assert result.returncode == 0 and "218,291" in result.stdout


def test_an_unknown_encoding_is_no_damage(tmp_path: Path) -> None:
    def rename(message: Any) -> None:
        message.encoding = "evt9"

    result = _info(str(_rewritten(tmp_path / "bag", rename)))
    assert result.returncode == 2
    assert "bag: packet 1: encoding 'evt9' isn't known; there are: evt2, " in result.stderr
