"""Trains the two networks on the same clips, and chooses early exits on clips of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spikeloop.parameters import parameter
from spikeloop.perception.gesture.clips import Clips, Moved, Plain
from spikeloop.perception.gesture.networks import network
from spikeloop.snn.training.anytime import (
    Anytime,
    Confidence,
    Measure,
    calibrated,
    choose_threshold,
    exits,
    gap,
)
from spikeloop.snn.training.hoyer import Hoyer
from spikeloop.snn.training.rule import Rule
from spikeloop.snn.training.trainer import Trainer, Training, TrainingConfig

ALLOWED = 0.005
"""Share of validation clips that an early exit may lose."""


@dataclass(frozen=True)
class GestureTraining:
    """How the networks are trained."""

    epochs: int = parameter(32, "passes over the clips for the eight steps", low=1)
    hoyer_epochs: int = parameter(32, "passes over the clips for the one step", low=1)
    learning_rate: float = parameter(3e-3, "first learning rate of AdamW", low=0.0)
    batch_size: int = parameter(16, "clips a step of the optimiser", low=1)
    weight_decay: float = parameter(0.02, "weight decay of AdamW", low=0.0)
    hoyer_weight: float = parameter(1e-3, "weight of the Hoyer measures", low=0.0)
    anytime_weight: float = parameter(0.1, "weight of saying early what is said last", low=0.0)
    early: float = parameter(
        0.5, "share of the loss that goes to the answers before the end", low=0.0, high=1.0
    )


def train(
    kind: str,
    clips: Clips,
    config: GestureTraining,
    seed: int,
    out: Path | None = None,
    quiet: bool = False,
) -> tuple[nn.Sequential, Training]:
    """Train one network on training clips; a tenth of them pick the epoch."""
    torch.manual_seed(seed)
    model = network(kind)
    one = kind == "hoyer"
    # One normalisation for all steps: statistics of single steps aren't those of the evaluation.
    anytime = Anytime(config.anytime_weight, layer_by_layer=True, early=config.early)
    rule: Rule = Hoyer(config.hoyer_weight) if one else anytime
    settings = TrainingConfig(
        epochs=config.hoyer_epochs if one else config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        validation_share=0.1,
        seed=seed,
        device="cpu",
    )
    trainer = Trainer(settings, rule, out=out, quiet=quiet)
    return model, trainer.fit(model, Moved(clips, as_channels=one))


def outputs(model: nn.Module, kind: str, clips: Clips) -> tuple[Tensor, Tensor]:
    """Outputs (steps, clips, 10) of clips as they are, and their gestures."""
    trainer = Trainer(TrainingConfig(device="cpu"), quiet=True)
    return trainer.outputs(model, Plain(clips, as_channels=kind == "hoyer"))


def choose_exits(found: Tensor, labels: Tensor) -> dict[str, Any]:
    """Cutoffs for both measures by validation clips, and which of the two takes fewer steps.

    Args:
        found: (steps, clips, 10) of the validation split.
        labels: (clips,).

    Returns:
        `temperature` of the confidence, `thresholds` by measure, and the `measure`.

    """
    confidence = calibrated(found, labels)
    steps: dict[str, float] = {}
    thresholds: dict[str, float] = {}
    for name, measure in measures(confidence.temperature).items():
        thresholds[name] = choose_threshold(found, labels, measure, ALLOWED)
        steps[name] = exits(found, labels, measure, thresholds[name]).mean_steps
    return {
        "temperature": confidence.temperature,
        "thresholds": thresholds,
        "measure": min(steps, key=lambda name: steps[name]),
    }


def measures(temperature: float) -> dict[str, Measure]:
    """AOI-SNN's cutoff and Dynamic Confidence, by name."""
    return {"cutoff": gap, "confidence": Confidence(temperature)}
