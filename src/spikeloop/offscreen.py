"""Pictures without a display."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys


def draw_without_display() -> None:
    """Make MuJoCo draw by EGL, where this machine has it and `MUJOCO_GL` says nothing else.

    MuJoCo reads that once, so this is called before it is imported for the first time.
    """
    if sys.platform == "linux" and "MUJOCO_GL" not in os.environ:
        with contextlib.suppress(OSError):
            ctypes.CDLL("libEGL.so.1")
            os.environ["MUJOCO_GL"] = "egl"
