"""Shared-memory segments of Fast DDS: those of dead processes stay behind and fill /dev/shm."""

from __future__ import annotations

import fcntl
from pathlib import Path

# As Fast DDS 2 (Jazzy) and Fast DDS 3 (Kilted) name them.
LOCKS = ("fastrtps_*_el", "fastdds_*_el")
SHM = Path("/dev/shm")


def dead_segments(folder: Path = SHM) -> list[Path]:
    """Files of segments whose lock file nobody holds, so whose process is dead."""
    dead = []
    for lock in (path for pattern in LOCKS for path in folder.glob(pattern)):
        if _is_held(lock):
            continue
        segment = lock.with_name(lock.name.removesuffix("_el"))
        dead += [path for path in (segment, lock) if path.exists()]
    return dead


def sweep(folder: Path = SHM) -> int:
    """Remove the segments of dead processes; returns the bytes that this gave back."""
    freed = 0
    for path in dead_segments(folder):
        try:
            freed += path.stat().st_size
            path.unlink()
        except OSError:
            continue  # Another process swept it, or it is another user's.
    return freed


def _is_held(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
            fcntl.flock(file, fcntl.LOCK_UN)
            return False
    except OSError:
        return True
