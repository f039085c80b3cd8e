"""Clips of gestures as a simulated event camera sees them, each fixed by its split and number."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from spikeloop.events.array import Events, joined
from spikeloop_sim.event_camera.camera import EventCamera
from spikeloop_sim.event_camera.config import EventCameraConfig
from spikeloop_sim.event_camera.optics import Pinhole
from spikeloop_sim.hand import GESTURES, Hand, draw_take

SIZE = 64
FIELD_RAD = 0.62
DURATION_US = 1_600_000
SPLITS = ("training", "validation", "test")
VERSION = 2
"""Of all that decides what a clip is; caches of another one don't count."""
SHARD = 50
LONGEST_US = 16_000


def clip(split: str, number: int) -> tuple[Events, int]:
    """One clip: its events, with times from 0 to 1.6 s, and the gesture.

    Args:
        split: one of `SPLITS`; no two share textures, viewpoint, tempo, or anything else drawn.
        number: from 0; the gestures take turns.

    Raises:
        ValueError: an unknown split.

    """
    gesture = number % len(GESTURES)
    random = np.random.default_rng((VERSION, SPLITS.index(split), number))
    take = draw_take(random, gesture)
    hand = Hand(take, random)
    config = EventCameraConfig(scene_lux=take.lux)
    lens = Pinhole.of_field(SIZE, SIZE, FIELD_RAD)
    pieces = []
    with EventCamera(hand.model, lens, config, int(random.integers(2**31))) as camera:
        time_us = 0
        camera.see(hand.pose(0.0), take.eye, 0)
        while time_us < DURATION_US:
            step = min(camera.interval_us, LONGEST_US, DURATION_US - time_us)
            time_us += step
            pieces.append(camera.see(hand.pose(time_us / 1e6), take.eye, time_us))
    return joined(pieces), gesture


def record(folder: Path, split: str, numbers: range, workers: int = 1, quiet: bool = False) -> None:
    """Record clips of a split, in files of 50; those that are there are kept.

    Each file holds t (us, uint32), x, y, p (uint8) of all its events, `ends` (int64, the event
    after each clip's last) and `gesture` (int64).

    Raises:
        ValueError: an unknown split.

    """
    folder.mkdir(parents=True, exist_ok=True)
    due = []
    for part in shards(numbers):
        path = shard_path(folder, split, part)
        if not path.exists():
            due.append((path, split, part))
    if not due:
        return
    bar = tqdm(total=len(due), desc=f"gestures, {split}", unit="file", disable=quiet)
    with bar, ProcessPoolExecutor(workers) as pool:
        for _ in pool.map(_write, *zip(*due, strict=True)):
            bar.update()


def shards(numbers: range) -> list[range]:
    """Numbers of clips by the file that they are in."""
    return [
        range(first, min(first + SHARD, numbers.stop))
        for first in range(numbers.start, numbers.stop, SHARD)
    ]


def shard_path(folder: Path, split: str, numbers: range) -> Path:
    """File of some clips."""
    return folder / f"{split}_{numbers.start:05d}_{numbers.stop:05d}.npz"


def _write(path: Path, split: str, numbers: range) -> None:
    clips = [clip(split, number) for number in numbers]
    events = joined([each for each, _ in clips])
    ends: NDArray[np.int64] = np.cumsum([len(each) for each, _ in clips])
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(
        partial,
        t=events.t.astype(np.uint32),
        x=events.x.astype(np.uint8),
        y=events.y.astype(np.uint8),
        p=events.p,
        ends=ends,
        gesture=np.array([gesture for _, gesture in clips], np.int64),
    )
    partial.replace(path)
