"""Segments of dead processes are found and removed, those of the living stay."""

from __future__ import annotations

import fcntl
from pathlib import Path

from spikeloop.loop.transport import dead_segments, sweep


def _segment(folder: Path, name: str) -> Path:
    (folder / f"fastrtps_{name}").write_bytes(b"x" * 1000)
    lock = folder / f"fastrtps_{name}_el"
    lock.write_bytes(b"")
    return lock


def test_segments_of_fast_dds_3_too(tmp_path: Path) -> None:
    (tmp_path / "fastdds_dead").write_bytes(b"x")
    (tmp_path / "fastdds_dead_el").write_bytes(b"")
    assert sweep(tmp_path) == 1


def test_only_the_dead_are_swept(tmp_path: Path) -> None:
    _segment(tmp_path, "dead")
    lock = _segment(tmp_path, "alive")
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert sorted(p.name for p in dead_segments(tmp_path)) == [
            "fastrtps_dead",
            "fastrtps_dead_el",
        ]
        assert sweep(tmp_path) == 1000
        assert sorted(p.name for p in tmp_path.iterdir()) == ["fastrtps_alive", "fastrtps_alive_el"]
