"""Outputs that are right early: a regularised loss, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from spikeloop.snn.stateful import reset, run
from spikeloop.snn.training.rule import Loss


def running_mean(outputs: Tensor) -> Tensor:
    """(time, batch, classes): mean of the outputs up to each step."""
    steps = torch.arange(1, len(outputs) + 1, dtype=outputs.dtype, device=outputs.device)
    return outputs.cumsum(0) / steps.view(-1, *(1,) * (outputs.ndim - 1))


class Anytime:
    """BPTT whose early outputs are drawn to the last (after AOI-SNN: Wu et al., arXiv 2301.00522).

    To the loss of the mean output, `weight` times the mean over steps of 1 - cos(mean output so
    far, mean output at the end) is added, so that a cutoff costs less accuracy.

    Args:
        weight: at least 0.

    """

    def __init__(self, weight: float = 0.1) -> None:
        if weight < 0:
            raise ValueError(f"weight must be at least 0, not {weight}")
        self.weight = weight

    def backward(self, model: nn.Module, x: Tensor, target: Tensor, loss: Loss) -> float:
        """See `Rule`."""
        reset(model)
        means = running_mean(run(model, x))
        alike = nn.functional.cosine_similarity(means, means[-1:].detach(), dim=2)
        value = loss(means[-1], target) + self.weight * (1 - alike).mean()
        value.backward()  # type: ignore[no-untyped-call]
        reset(model)
        return float(value.detach())


class Measure(Protocol):
    """How sure an output is: (time, batch, classes) to (time, batch)."""

    def __call__(self, means: Tensor) -> Tensor:
        """See above."""


def gap(means: Tensor) -> Tensor:
    """Lead of the first class over the second (the cutoff of AOI-SNN)."""
    best = means.topk(2, dim=-1).values
    return best[..., 0] - best[..., 1]


@dataclass(frozen=True)
class Confidence:
    """Softmax of the first class (Dynamic Confidence: Li et al., arXiv 2303.10276, eq. 5).

    Attributes:
        temperature: what outputs are divided by first.

    """

    temperature: float = 1.0

    def __call__(self, means: Tensor) -> Tensor:
        """See `Measure`."""
        return torch.softmax(means / self.temperature, dim=-1).amax(-1)


def calibrated(outputs: Tensor, labels: Tensor) -> Confidence:
    """The confidence whose temperature fits validation data best, by its likelihood.

    Args:
        outputs: (time, samples, classes) of data that the model was not trained on.
        labels: (samples,) int64.

    """
    last = running_mean(outputs)[-1]
    scale = float(last.std().clamp_min(1e-6))
    candidates = [scale * 2.0 ** (n / 2) for n in range(-12, 9)]
    losses = [float(nn.functional.cross_entropy(last / c, labels)) for c in candidates]
    return Confidence(candidates[losses.index(min(losses))])


@dataclass(frozen=True)
class Exits:
    """What an early exit costs and saves.

    Attributes:
        threshold: of the measure.
        accuracy: share of samples that are right at their exit.
        full_accuracy: the same without early exit.
        mean_steps: steps a sample, in the mean.
        steps: (samples,) int64, step of each exit, from 1.

    """

    threshold: float
    accuracy: float
    full_accuracy: float
    mean_steps: float
    steps: Tensor


def exits(outputs: Tensor, labels: Tensor, measure: Measure, threshold: float) -> Exits:
    """Stop each sample at the first step at which the measure reaches a threshold.

    Args:
        outputs: (time, samples, classes).
        labels: (samples,) int64.
        measure: of the mean output so far.
        threshold: see above; what never reaches it takes all steps.

    """
    means = running_mean(outputs)
    sure = measure(means) >= threshold
    sure[-1] = True
    first = sure.to(torch.int64).argmax(0)
    decided = means.argmax(-1).gather(0, first.unsqueeze(0)).squeeze(0)
    right, full = (decided == labels).float().mean(), (means[-1].argmax(-1) == labels).float()
    steps = first + 1
    return Exits(threshold, float(right), float(full.mean()), float(steps.float().mean()), steps)


def choose_threshold(
    outputs: Tensor, labels: Tensor, measure: Measure, allowed: float = 0.005
) -> float:
    """The smallest threshold that loses at most `allowed` accuracy, on validation data.

    Args:
        outputs: (time, samples, classes) of data that is neither for training nor for the test.
        labels: (samples,) int64.
        measure: see `exits`.
        allowed: share of samples.

    """
    values = measure(running_mean(outputs)).flatten()
    levels = torch.quantile(values.float(), torch.linspace(0, 1, 101))
    for level in levels.tolist():
        found = exits(outputs, labels, measure, level)
        if found.accuracy >= found.full_accuracy - allowed:
            return float(level)
    return float("inf")
