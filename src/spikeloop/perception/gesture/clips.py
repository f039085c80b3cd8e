"""Clips of gestures from files, as pictures of event counts, one a time step."""

from __future__ import annotations

import importlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

RECORDER = "spikeloop_sim.hand_clips"
STEPS, STEP_US, SIZE = 8, 200_000, 64
BINS = 4
"""Parts of a step, each with channels of its own: OFF and ON of the first part, and so on."""
CHANNELS = 2 * BINS
MOST = 3
"""Events of a pixel and polarity in a step that are counted at most."""
COUNTS = {"training": 2000, "validation": 500, "test": 500}
QUICK = {"training": 40, "validation": 20, "test": 20}
FIRST = {"training": 0, "validation": 0, "test": 1000}
"""Number of each split's first clip. Test clips below 1000 tested earlier networks, and what was
seen there led to these; they are used no more."""
CLOCKWISE, ANTICLOCKWISE = 8, 9
ZOOM, SHIFT = 1.15, 6
"""Of clips for training: greatest zoom, and greatest shift in pixels."""


class ClipsError(ValueError):
    """Clips can't be read or recorded; the message says why and what to do."""


@dataclass(frozen=True)
class Clips:
    """Clips of one split.

    Attributes:
        x: (count, 8, 8, 64, 64) uint8, events by step, channel (see `BINS`) and pixel, at most 3.
        labels: (count,) int64, gestures.

    """

    x: Tensor
    labels: Tensor


def default_folder() -> Path:
    """Where clips are kept if nothing else is said: the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(base) if base else Path.home() / ".cache"
    return cache / "spikeloop" / "gesture_2"


def load_clips(
    split: str, folder: Path | None = None, quick: bool = False, workers: int = 1
) -> Clips:
    """Clips of a split; those that aren't in the folder are recorded first.

    Args:
        split: "training", "validation" or "test".
        folder: of the files; `default_folder` if None.
        quick: only a few.
        workers: how many processes record at once.

    Raises:
        ClipsError: clips are missing and the simulator isn't installed, or a file is damaged.

    """
    folder = folder or default_folder()
    count = (QUICK if quick else COUNTS)[split]
    if importlib.util.find_spec(RECORDER.partition(".")[0]) is None:
        raise ClipsError("clips are recorded in simulation: pip install spikeloop[sim]")
    recorder = importlib.import_module(RECORDER)
    wanted = range(FIRST[split], FIRST[split] + count)
    recorder.record(folder, split, wanted, workers)
    pictures: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for numbers in recorder.shards(wanted):
        path = recorder.shard_path(folder, split, numbers)
        try:
            with np.load(path) as content:
                pictures += _pictures(content)
                labels += content["gesture"].tolist()
        except (OSError, KeyError, ValueError) as error:
            raise ClipsError(f"{path} is damaged ({error}); remove it") from error
    return Clips(torch.from_numpy(np.stack(pictures)), torch.tensor(labels))


def _pictures(content: np.lib.npyio.NpzFile) -> list[NDArray[np.uint8]]:
    t, p = content["t"].astype(np.int64), content["p"].astype(np.int64)
    x, y = content["x"].astype(np.int64), content["y"].astype(np.int64)
    part = np.minimum(t // (STEP_US // BINS), STEPS * BINS - 1)
    place = ((part * 2 + p) * SIZE + y) * SIZE + x
    begin, found = 0, []
    shape = (STEPS, CHANNELS, SIZE, SIZE)
    for end in content["ends"].tolist():
        counts = np.bincount(place[begin:end], minlength=STEPS * CHANNELS * SIZE * SIZE)
        found.append(np.minimum(counts, MOST).astype(np.uint8).reshape(shape))
        begin = end
    return found


class Moved(Dataset[tuple[Tensor, Tensor]]):
    """Clips, each time changed at random, for training.

    They are mirrored, played backwards (which also turns OFF into ON), turned into their negative
    (OFF and ON exchanged), each with a chance of one half; begun at any picture, with those before
    it at the end (a gesture repeats, but for one jump); zoomed by 0.85 to 1.15 and shifted by up to
    6 pixels. A circle that is mirrored or played backwards goes the other way round, and its
    label with it; every other gesture stays what it is.

    Args:
        clips: see above.
        as_channels: give one step (1, 64, 64, 64) with all pictures as channels instead of 8.

    """

    def __init__(self, clips: Clips, as_channels: bool = False) -> None:
        self.clips, self.as_channels = clips, as_channels

    def __len__(self) -> int:
        """Number of clips."""
        return len(self.clips.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """A clip (steps, channels, 64, 64) float32 and its gesture, drawn by torch's generator."""
        x, label = self.clips.x[index], int(self.clips.labels[index])
        mirrored, backwards, negative = torch.randint(2, (3,)).tolist()
        if mirrored:
            x = x.flip(-1)
        if backwards:
            x = x.flip(0, 1)
        if negative:
            x = x.reshape(STEPS, BINS, 2, SIZE, SIZE).flip(2).flatten(1, 2)
        if mirrored != backwards:
            label = {CLOCKWISE: ANTICLOCKWISE, ANTICLOCKWISE: CLOCKWISE}.get(label, label)
        begin = int(torch.randint(STEPS * BINS, ()))
        x = x.reshape(STEPS * CHANNELS, SIZE, SIZE).roll(2 * begin, 0).reshape(x.shape)
        zoom = float(torch.empty(()).uniform_(1 / ZOOM, ZOOM))
        down, right = torch.randint(-SHIFT, SHIFT + 1, (2,)).tolist()
        return inputs(zoomed(x, zoom, down, right), self.as_channels), torch.tensor(label)


class Plain(Dataset[tuple[Tensor, Tensor]]):
    """Clips as they are; see `Moved`."""

    def __init__(self, clips: Clips, as_channels: bool = False) -> None:
        self.clips, self.as_channels = clips, as_channels

    def __len__(self) -> int:
        """Number of clips."""
        return len(self.clips.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """A clip and its gesture."""
        return inputs(self.clips.x[index], self.as_channels), self.clips.labels[index]


def zoomed(x: Tensor, zoom: float, down: int, right: int) -> Tensor:
    """Pictures (..., height, width) about their middle, then shifted by whole pixels.

    Each pixel takes the nearest one's value; what comes in at the edges is 0.
    """
    rows, row_there = _sources(x.shape[-2], zoom, down)
    columns, column_there = _sources(x.shape[-1], zoom, right)
    taken = x.index_select(-2, rows).index_select(-1, columns)
    return taken * (row_there[:, None] & column_there).to(x.dtype)


def _sources(length: int, zoom: float, shift: int) -> tuple[Tensor, Tensor]:
    """For each pixel of a line, where it comes from, and whether there is such a pixel."""
    middle = (length - 1) / 2
    source = ((torch.arange(length) - shift - middle) / zoom + middle).round().long()
    return source.clamp(0, length - 1), (source >= 0) & (source < length)


def inputs(x: Tensor, as_channels: bool) -> Tensor:
    """A clip (8, 8, 64, 64) as a network takes it, float32."""
    return (x.flatten(0, 1).unsqueeze(0) if as_channels else x).float()
