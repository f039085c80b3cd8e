"""Simulated robots and worlds, and the Gymnasium environments made of them.

Importing this registers `spikeloop/BlimpAltitude-v0` and `spikeloop/IdentifiedBlimpAltitude-v0`;
`gymnasium.make("spikeloop_sim:spikeloop/BlimpAltitude-v0")` does both at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

from gymnasium.envs.registration import register

if sys.platform == "linux" and "MUJOCO_GL" not in os.environ:
    # MuJoCo reads this once, on import; EGL draws without a display.
    with contextlib.suppress(OSError):
        ctypes.CDLL("libEGL.so.1")
        os.environ["MUJOCO_GL"] = "egl"

EPISODE_DECISIONS = 1000

for _name in ("BlimpAltitude", "IdentifiedBlimpAltitude"):
    register(
        id=f"spikeloop/{_name}-v0",
        entry_point=f"spikeloop_sim.altitude_env:{_name}Env",
        max_episode_steps=EPISODE_DECISIONS,
    )
