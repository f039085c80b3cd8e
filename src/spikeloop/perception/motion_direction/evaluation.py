"""Figures of the motion tasks: coincidence patterns, motions, and motions with fewer synapses."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikeloop.metrics.energy import operation_energy
from spikeloop.metrics.synaptic_operations import OperationCounter, Operations
from spikeloop.perception.motion_direction.coincidence import KINDS, Patterns, test_accuracy
from spikeloop.perception.motion_direction.detector import MotionDetector
from spikeloop.perception.motion_direction.movies import rasters
from spikeloop.perception.motion_direction.training import TEST_SEED, accuracy
from spikeloop.snn.robustness.bench import Classifier

SEEDS = (1, 2, 3)
SIZE, STEPS = 40, 40
PER_MOTION, QUICK_PER_MOTION = 12, 1
CURVE_PER_MOTION = 3
PARTS = (3, 10, 30, 100)


def coincidence_metrics(quick: bool) -> dict[str, float]:
    """Test accuracy without delays, with fixed random ones and with learned ones, by seed."""
    config = Patterns(samples=80, tests=40, epochs=2) if quick else Patterns()
    found: dict[str, float] = {}
    for kind in KINDS:
        each = [test_accuracy(config, kind, seed) for seed in (SEEDS[:1] if quick else SEEDS)]
        found[f"coincidence_{kind}"] = float(np.mean(each))
        found |= {f"coincidence_{kind}_{seed}": v for seed, v in zip(SEEDS, each, strict=False)}
    return found


def test_movies(detector: MotionDetector, per_motion: int) -> tuple[NDArray[np.uint8], Labels]:
    """Movies with textures that no training has seen."""
    motions = detector.config.motions()
    return rasters(TEST_SEED, motions, per_motion * motions.classes, SIZE, STEPS)


Labels = NDArray[np.int64]


def operations(detector: MotionDetector, movies: NDArray[np.uint8]) -> Operations:
    """Synaptic operations of a movie, streamed through the layer step by step, on average.

    ON and OFF exchanged are a second pass of the same spikes, which counts too.
    """
    from spikeloop.snn import reset, run

    total: list[Tensor] = []
    with OperationCounter(detector) as counter, torch.no_grad():
        for movie in movies:
            spikes = torch.from_numpy(movie).float().unsqueeze(1)
            for each in (spikes, spikes.flip(2)):
                reset(detector.layer)
                total.append(run(detector.layer, each)[-1])
    reset(detector.layer)
    return counter.operations(samples=len(movies))


def detector_metrics(full: MotionDetector, pruned: MotionDetector, quick: bool) -> dict[str, float]:
    """Accuracy of both detectors on the same held-out movies, and what they cost."""
    movies, labels = test_movies(full, QUICK_PER_MOTION if quick else PER_MOTION)
    found: dict[str, float] = {}
    costs = {}
    for name, detector in (("motion", full), ("pruned", pruned)):
        found[f"{name}_accuracy"], found[f"{name}_instant_accuracy"] = accuracy(
            detector, movies, labels
        )
        cost = costs[name] = operations(detector, movies[:6])
        found[f"{name}_synapses"] = float(detector.layer.synapses())
        found[f"{name}_operations_step"] = cost.acs / STEPS
        found[f"{name}_energy_step_nj"] = operation_energy(cost).joules / STEPS * 1e9
    found["operations_ratio"] = costs["motion"].acs / costs["pruned"].acs
    return found


def curves(full: MotionDetector, quick: bool) -> dict[str, float]:
    """Accuracy when synapses go untrained, the smallest first, or those of the longest delays."""
    movies, labels = test_movies(full, QUICK_PER_MOTION if quick else CURVE_PER_MOTION)
    whole = full.layer.synapses()
    found = {"curve_whole": accuracy(full, movies, labels)[0]}
    for part in PARTS[:1] if quick else PARTS:
        less = copy.deepcopy(full)
        less.layer.prune(whole // part)
        found[f"curve_smallest_{part}"] = accuracy(less, movies, labels)[0]
    for kept in _shorter(full.layer.delays, quick):
        less = copy.deepcopy(full)
        less.layer.mask[:, kept:] = 0.0
        share = less.layer.synapses() / whole
        found[f"curve_delays_{kept}"] = accuracy(less, movies, labels)[0]
        found[f"curve_delays_{kept}_synapses_share"] = share
    return found


def classified(detector: MotionDetector, quick: bool) -> Classifier:
    """The detector on held-out movies of 24 x 24 pixels, for the bench of corruptions.

    A movie's logits are the mean log-probabilities over places and over every third step.
    """
    motions = detector.config.motions()
    count = (1 if quick else 4) * motions.classes
    movies, labels = rasters(TEST_SEED, motions, count, 24, 25)
    delays = detector.config.delays

    def predict(x: Tensor) -> Tensor:
        ends = range(delays, len(x) + 1, 3)
        logs = [detector(x[end - delays : end].flip(0).transpose(0, 1)) for end in ends]
        return torch.stack(logs).mean(0)

    x = torch.from_numpy(movies).transpose(0, 1).float()
    return Classifier(detector, x, torch.from_numpy(labels), predict=predict)


def _shorter(delays: int, quick: bool) -> Sequence[int]:
    return (delays // 2,) if quick else (delays * 8 // 10, delays * 6 // 10, delays * 4 // 10)
