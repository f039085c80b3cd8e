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
    exits,
    gap,
    running_mean,
)
from spikeloop.snn.training.hoyer import Hoyer
from spikeloop.snn.training.rule import Rule
from spikeloop.snn.training.trainer import Trainer, Training, TrainingConfig

BUDGET = 0.45
"""Share of the steps that validation clips may take in the mean: half, and a margin."""
VALIDATION_SHARE = 0.06
"""Of the training clips, to pick the epoch."""


@dataclass(frozen=True)
class GestureTraining:
    """How the networks are trained."""

    epochs: int = parameter(32, "passes over the clips for the eight steps", low=1)
    hoyer_epochs: int = parameter(56, "passes over the clips for the one step", low=1)
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
    """Train one network on training clips; some of them pick the epoch."""
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
        validation_share=VALIDATION_SHARE,
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
    """Thresholds of all measures by validation clips, and which measure to take.

    Each threshold is the highest one within `BUDGET`; the measure is the one that then loses the
    least accuracy, and the fewer steps where several do.

    Args:
        found: (steps, clips, 10) of the validation split.
        labels: (clips,).

    Returns:
        `temperature` of the confidence, `temperatures` of the agreement, `thresholds` by measure,
        and the `measure`.

    """
    temperature = calibrated(found, labels).temperature
    chosen: dict[str, Any] = {
        "temperature": temperature,
        "temperatures": agreeing(found),
        "thresholds": {},
    }
    order: dict[str, tuple[float, float]] = {}
    for name, measure in measures(chosen).items():
        chosen["thresholds"][name] = threshold = within_budget(found, labels, measure, BUDGET)
        end = exits(found, labels, measure, threshold)
        order[name] = (end.full_accuracy - end.accuracy, end.mean_steps)
    return chosen | {"measure": min(order, key=lambda name: order[name])}


def within_budget(found: Tensor, labels: Tensor, measure: Measure, budget: float) -> float:
    """The highest threshold that takes at most this share of the steps in the mean."""
    levels = torch.quantile(measure(running_mean(found)).flatten(), torch.linspace(0, 1, 201))
    # Steps grow with the threshold.
    fits = [
        level
        for level in levels.tolist()
        if exits(found, labels, measure, level).mean_steps <= budget * len(found)
    ]
    return max(fits, default=float(levels[0]))


@dataclass(frozen=True)
class Agreement:
    """How sure it is that the answer so far will be the last one, too.

    As `Confidence`, with a temperature for each step, and these fitted to the network's own last
    answers rather than to the truth: what matters to an early exit is not whether an answer is
    right but whether waiting would change it.

    Attributes:
        temperatures: one a step.

    """

    temperatures: tuple[float, ...]

    def __call__(self, means: Tensor) -> Tensor:
        """See `Measure`."""
        scale = means.new_tensor(self.temperatures).view(-1, *(1,) * (means.ndim - 1))
        return torch.softmax(means / scale, dim=-1).amax(-1)


def agreeing(found: Tensor) -> list[float]:
    """The temperature of each step that makes its answers foretell the last ones best.

    Args:
        found: (steps, clips, 10) of data that the model was not trained on.

    """
    means = running_mean(found)
    last = means[-1].argmax(-1)
    candidates = [2.0 ** (n / 4) for n in range(-24, 17)]
    return [
        min(candidates, key=lambda c: float(nn.functional.cross_entropy(step / c, last)))
        for step in means
    ]


def measures(chosen: dict[str, Any]) -> dict[str, Measure]:
    """AOI-SNN's cutoff, Dynamic Confidence and `Agreement`, by name; see `choose_exits`."""
    return {
        "cutoff": gap,
        "confidence": Confidence(chosen["temperature"]),
        "agreement": Agreement(tuple(chosen["temperatures"])),
    }
