"""The simulator on one core: the event camera's real-time factor.

346x260 pixels, all noise on, ground truth off, keyframes as the camera advises them, physics left
out (the scenes are set by time). `evcam_rtf_slow`: forward at 1 m/s; `evcam_rtf_fast`: mixed
motion. Both are medians over runs, by the wall clock; those that end in `_cpu` count this process's
time on its core, so a machine that others use too spoils them less. What accuracy this has,
`spikeloop eval evcam` tells; it uses the same settings.
"""

from __future__ import annotations

import statistics
import time

from spikeloop_sim.evcam.evaluation import watch
from spikeloop_sim.evcam.scenes import Scene, lens
from spikeloop_sim.event_camera.camera import EventCamera

ROUNDS, SECONDS, SEED = 7, 0.6, 11
MOTIONS = {"slow": "forward", "fast": "mixed"}


def measure() -> dict[str, float]:
    """All figures."""
    scenes = {name: Scene(motion, SEED) for name, motion in MOTIONS.items()}
    cameras = {name: EventCamera(scene.model, lens(), None, SEED) for name, scene in scenes.items()}
    duration_us = int(1e6 * SECONDS)
    walls: dict[str, list[float]] = {name: [] for name in MOTIONS}
    cores: dict[str, list[float]] = {name: [] for name in MOTIONS}
    figures: dict[str, float] = {}
    for turn in range(1 + ROUNDS):
        for name, camera in cameras.items():
            camera.reset(SEED)
            wall, core = time.perf_counter(), time.process_time()
            events = watch(camera, scenes[name], duration_us)
            wall, core = time.perf_counter() - wall, time.process_time() - core
            figures[f"evcam_{name}_mev_s"] = len(events) / duration_us
            if turn:  # the first one compiles
                walls[name].append(wall)
                cores[name].append(core)
    for camera in cameras.values():
        camera.close()
    for name in MOTIONS:
        figures[f"evcam_rtf_{name}"] = SECONDS / statistics.median(walls[name])
        figures[f"evcam_rtf_{name}_cpu"] = SECONDS / statistics.median(cores[name])
    return figures
