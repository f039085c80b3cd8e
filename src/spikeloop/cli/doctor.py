"""Say what is installed, what is missing, and the command that mends it."""

from __future__ import annotations

import argparse
import ctypes
import importlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HELP = "check the installation"

SHARED_MEMORY_MB = 256


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: fine, or what mends it."""

    what: str
    ok: bool
    mend: str = ""
    needed: bool = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(args: argparse.Namespace) -> int:
    """Print all findings; 0 if nothing that is needed is missing, else 1."""
    broken = 0
    for check in (_python, _packages, _messages, _launch, _rendering, _shared_memory):
        for finding in check():
            broken += finding.needed and not finding.ok
            mark = "ok     " if finding.ok else ("MISSING" if finding.needed else "absent ")
            print(
                f"{mark} {finding.what}"
                + (f"\n        -> {finding.mend}" if not finding.ok else "")
            )
    return 1 if broken else 0


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(f"Python {version}", sys.version_info >= (3, 10), "install Python 3.10 or later")


def _can_import(name: str) -> bool:
    try:
        importlib.import_module(name)
    except (ImportError, OSError):
        return False
    return True


def _packages() -> Iterator[Finding]:
    distro = os.environ.get("ROS_DISTRO", "from wheels")
    yield Finding(f"ROS 2 (rclpy), {distro}", _can_import("rclpy"), "make build, or source ROS 2")
    for name, needed in (
        ("numpy", True),
        ("numba", True),
        ("mujoco", True),
        ("gymnasium", True),
        ("rosbags", True),
        ("torch", False),
    ):
        yield Finding(name, _can_import(name), f"{sys.executable} -m pip install {name}", needed)


def _messages() -> Iterator[Finding]:
    mend = "make build (on a robot: python -m colcon build)"
    yield Finding("spikeloop's own messages", _can_import("spikeloop.msg"), mend)
    for package in ("event_camera_msgs", "actuator_msgs", "vision_msgs", "tf2_msgs"):
        other = f"{mend}, or: apt-get install ros-$ROS_DISTRO-{package.replace('_', '-')}"
        yield Finding(package, _can_import(f"{package}.msg"), other)


def _launch() -> Iterator[Finding]:
    found = _can_import("launch") and _can_import("launch_ros")
    origin = getattr(sys.modules.get("launch"), "__file__", "") or ""
    which = "the fallback" if "launch_fallback" in origin else "of ROS 2"
    yield Finding(f"launch ({which})", found, "make build, or source ROS 2")


def _rendering() -> Iterator[Finding]:
    def loads(library: str) -> Callable[[], bool]:
        def attempt() -> bool:
            try:
                ctypes.CDLL(library)
            except OSError:
                return False
            return True

        return attempt

    yield Finding(
        "EGL for pictures without a display",
        loads("libEGL.so.1")(),
        "apt-get install libegl1 libgl1-mesa-dri",
        needed=False,
    )


def _shared_memory() -> Iterator[Finding]:
    from spikeloop.loop.transport import SHM, sweep

    freed = sweep()
    if freed:
        print(f"swept   {freed / 1e6:.1f} MB of shared memory that dead processes had left")
    if not Path(SHM).is_dir():
        yield Finding("/dev/shm", False, "mount a tmpfs there; large messages need it")
        return
    total = shutil.disk_usage(SHM).total / 1e6
    yield Finding(
        f"/dev/shm of {total:.0f} MB",
        total >= SHARED_MEMORY_MB,
        f"give it {SHARED_MEMORY_MB} MB or more (docker run --shm-size=512m), for each process "
        "holds a segment of 16 MB",
    )
