"""Trains the motion detector on movies that are generated from the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from spikeloop.parameters import parameter
from spikeloop.perception.motion_direction.detector import MotionDetector, windows
from spikeloop.perception.motion_direction.movies import Motions, rasters
from spikeloop.snn.training.trainer import Trainer, Training, TrainingConfig

TRAINING_SEED, TEST_SEED = 1, 73_000_001
"""Training takes the seeds from the first on. The test's is one that nothing else has drawn from:
movies from 1,000,001 were looked at while the detector was made, and are of no use for it."""

STAGES = (2, 4, 8, 12)
"""What parts of the synapses are left after each pruning: a half, a fourth, and so on."""
GAIN = 3.0
"""What the first weights are multiplied by: evidence that starts too small learns late."""


@dataclass(frozen=True)
class MotionTraining:
    """How the detector is trained."""

    movies: int = parameter(9216, "movies, each with a texture of its own", low=36)
    crop: int = parameter(20, "width and height of a movie", unit="pixels", low=8, high=64)
    epochs: int = parameter(40, "passes over the movies", low=1)
    tuning_epochs: int = parameter(8, "passes after each pruning", low=1)
    learning_rate: float = parameter(3e-3, "first learning rate of AdamW", low=0.0)
    weight_decay: float = parameter(0.3, "weight decay of AdamW", low=0.0)
    batch_size: int = parameter(64, "movies a step of the optimiser", low=1)


class Turned(Dataset[tuple[Tensor, Tensor]]):
    """Movies, each time turned by a quarter or mirrored at random, and their motions with them.

    Only directions that come in fours can be turned so.

    Args:
        past: (count, delays, 2, size, size) uint8.
        labels: (count,) motions.
        motions: which there are.

    """

    def __init__(self, past: Tensor, labels: Tensor, motions: Motions) -> None:
        if motions.directions % 4:
            raise ValueError(f"directions must be a multiple of 4, not {motions.directions}")
        self.past, self.labels, self.motions = past, labels, motions

    def __len__(self) -> int:
        """Number of movies."""
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """A movie (1, delays, 2, size, size) and its motion; drawn by torch's own generator."""
        quarters, mirrored = int(torch.randint(4, ())), bool(torch.randint(2, ()))
        direction, speed = divmod(int(self.labels[index]), len(self.motions.speeds))
        movie = self.past[index]
        if mirrored:
            movie, direction = movie.flip(-1), self.motions.directions // 2 - direction
        # rot90 turns rows to columns, which is anticlockwise to the eye.
        movie = torch.rot90(movie, quarters, (-2, -1))
        direction = (direction - quarters * self.motions.directions // 4) % self.motions.directions
        return movie.unsqueeze(0), torch.tensor(direction * len(self.motions.speeds) + speed)


def samples(detector: MotionDetector, config: MotionTraining, seed: int) -> Turned:
    """Movies just as long as the delays."""
    shape = detector.config
    # One step more, for the thresholds start anywhere.
    steps = shape.delays + 1
    made, labels = rasters(seed, shape.motions(), config.movies, config.crop, steps)
    past = np.stack([windows(one[1:], shape.delays)[0] for one in made])
    return Turned(torch.from_numpy(past), torch.from_numpy(labels), shape.motions())


def train(
    detector: MotionDetector,
    config: MotionTraining,
    seed: int,
    out: Path | None = None,
    quiet: bool = False,
) -> Training:
    """Train, on a validation split by the trainer; the detector ends with its best epoch."""
    torch.manual_seed(seed)
    with torch.no_grad():
        detector.layer.weight.mul_(GAIN)
    data = samples(detector, config, TRAINING_SEED + seed)
    trainer = _trainer(config, config.epochs, config.learning_rate, seed, out, quiet)
    return trainer.fit(detector, data)


def prune(
    detector: MotionDetector,
    config: MotionTraining,
    seed: int,
    out: Path | None = None,
    quiet: bool = False,
) -> list[Training]:
    """Take away the smallest weights in stages, and train what is left after each.

    It ends with a twelfth of the synapses, so that operations fall by more than ten; the movies
    and their validation split are those of `train`.
    """
    data = samples(detector, config, TRAINING_SEED + seed)
    found = []
    whole = detector.layer.synapses()
    for part in STAGES:
        detector.layer.prune(round(whole / part))
        place = None if out is None else out / f"pruned_{part}"
        rate = config.learning_rate / 3
        trainer = _trainer(config, config.tuning_epochs, rate, seed, place, quiet)
        found.append(trainer.fit(detector, data))
    return found


def _trainer(
    config: MotionTraining, epochs: int, rate: float, seed: int, out: Path | None, quiet: bool
) -> Trainer:
    settings = TrainingConfig(
        epochs=epochs,
        batch_size=config.batch_size,
        learning_rate=rate,
        weight_decay=config.weight_decay,
        validation_share=0.1,
        seed=seed,
        device="cpu",
    )
    return Trainer(settings, loss=nn.functional.nll_loss, out=out, quiet=quiet)


def decisions(
    detector: MotionDetector, movies: NDArray[np.uint8], every: int = 3
) -> tuple[Tensor, Tensor]:
    """Motions of whole movies and of single times.

    Args:
        detector: a trained one.
        movies: (count, steps, 2, height, width).
        every: distance of the times that are looked at, steps.

    Returns:
        (count,) the motion by all times together, (count, times) by each time alone.

    """
    whole, single = [], []
    with torch.no_grad():
        for movie in movies:
            past = torch.from_numpy(windows(movie, detector.config.delays, every))
            log = detector(past)
            whole.append(log.mean(0).argmax())
            single.append(log.argmax(1))
    return torch.stack(whole), torch.stack(single)


def accuracy(
    detector: MotionDetector, movies: NDArray[np.uint8], labels: NDArray[np.int64]
) -> tuple[float, float]:
    """Share of movies, and of single times, whose motion is right."""
    whole, single = decisions(detector, movies)
    right = torch.from_numpy(labels)
    by_movie = float((whole == right).float().mean())
    return by_movie, float((single == right[:, None]).float().mean())


def at_most(detector: MotionDetector, shares: Sequence[float]) -> list[int]:
    """Numbers of synapses that are these shares of all."""
    whole = detector.layer.synapses()
    return [max(1, round(share * whole)) for share in shares]
