"""The simulator on one core: event camera, LiDAR, environments, and what lockstep costs a tick.

Event camera: 346x260 pixels, all noise on, ground truth off, keyframes as the camera advises them,
physics left out (the scenes are set by time). `evcam_rtf_slow`: forward at 1 m/s; `evcam_rtf_fast`:
mixed motion. Both are medians over runs, by the wall clock; those that end in `_cpu` count this
process's time on its core, so a machine that others use too spoils them less. What accuracy this
has, `spikeloop eval evcam` tells; it uses the same settings.

`lidar_hz`: whole scans of 16x512 with all noise in the corridor, medians likewise.
`env_steps_s_NAME`: steps of each registered environment with random actions, episodes begun anew
included; median over rounds.

`bridge_tick_ms`: the bridge and three nodes (controller, gate, monitor), each a process: from when
the bridge has sent a tick's clock and sensors until all outputs that the tick owes are back, median
over the ticks of a mission that owe one. Physics isn't in it, for the robot is stepped in between,
and nothing is drawn.
"""

from __future__ import annotations

import os
import re
import statistics
import tempfile
import time
from typing import Any

import gymnasium
import numpy as np
import spikeloop_sim
from spikeloop_sim.datasets.stage import make_stage
from spikeloop_sim.evcam.evaluation import watch
from spikeloop_sim.evcam.scenes import Scene, lens
from spikeloop_sim.event_camera.camera import EventCamera
from spikeloop_sim.lidar import Lidar

ROUNDS, SECONDS, SEED = 7, 0.6, 11
MOTIONS = {"slow": "forward", "fast": "mixed"}
ENV_ROUNDS, ENV_SECONDS = 3, 1.0
LIDAR_ROUNDS, LIDAR_SCANS = 7, 50
TICK_MISSION, TICK_S = "blimp_altitude", 60.0
NAMESPACE = "spikeloop/"
assert spikeloop_sim.__file__  # importing it registers the environments


def measure() -> dict[str, float]:
    """All figures."""
    figures = _event_camera()
    figures |= _lidar()
    figures |= _environments()
    figures["bridge_tick_ms"] = _bridge_tick_ms()
    return figures


def _event_camera() -> dict[str, float]:
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


def _lidar() -> dict[str, float]:
    stage = make_stage("corridor", SEED)
    lidar, data = Lidar(stage.model, stage.infrared, None, SEED), stage.at(0.0)
    place = np.array([*stage.ground.start[:2], 0.5])
    walls, cores = [], []
    for turn in range(1 + LIDAR_ROUNDS):
        wall, core = time.perf_counter(), time.process_time()
        for _ in range(LIDAR_SCANS):
            lidar.roll(data, place, np.eye(3))
        if turn:
            walls.append(time.perf_counter() - wall)
            cores.append(time.process_time() - core)
    return {
        "lidar_hz": LIDAR_SCANS / statistics.median(walls),
        "lidar_hz_cpu": LIDAR_SCANS / statistics.median(cores),
    }


def _environments() -> dict[str, float]:
    names = sorted(name for name in gymnasium.registry if name.startswith(NAMESPACE))
    found = {}
    for name in names:
        environment: gymnasium.Env[Any, Any] = gymnasium.make(name)
        try:
            rates = [_steps_per_second(environment, SEED + k) for k in range(ENV_ROUNDS)]
        finally:
            environment.close()
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.removeprefix(NAMESPACE)).lower()
        found[f"env_steps_s_{words.rpartition('-v')[0]}"] = statistics.median(rates)
    return found


def _steps_per_second(environment: gymnasium.Env[Any, Any], seed: int) -> float:
    environment.action_space.seed(seed)
    environment.reset(seed=seed)
    steps, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < ENV_SECONDS:
        _, _, terminated, truncated, _ = environment.step(environment.action_space.sample())
        steps += 1
        if terminated or truncated:
            environment.reset()
    return steps / spent


def _bridge_tick_ms() -> float:
    # Here, for the launch machinery brings ROS, which the rest doesn't need.
    from spikeloop.launching.description import MissionOptions, fly
    from spikeloop.loop.mission import share_directory

    profile = str(share_directory() / "config" / "fastdds.xml")
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    for variable in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"):
        os.environ.setdefault(variable, profile)
    with tempfile.TemporaryDirectory() as folder:
        options = MissionOptions(duration=TICK_S, report=folder)
        report = fly(TICK_MISSION, {"controller": "pid"}, options)
    return statistics.median(report["timing"]["round_trip_ms"])
