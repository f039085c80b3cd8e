"""Outputs that are right early: a regularised loss, and when to stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from spikeloop.snn.neurons.neuron import Neuron
from spikeloop.snn.stateful import reset, run
from spikeloop.snn.training.rule import Loss, Run


def running_mean(outputs: Tensor) -> Tensor:
    """(time, batch, classes): mean of the outputs up to each step."""
    steps = torch.arange(1, len(outputs) + 1, dtype=outputs.dtype, device=outputs.device)
    return outputs.cumsum(0) / steps.view(-1, *(1,) * (outputs.ndim - 1))


def cosine_strain(responses: Tensor) -> Tensor:
    """1 / (mean over steps of cos(response, mean response)) - 1 (AOI-SNN's RCS regulariser).

    Args:
        responses: (time, batch, ...) of a layer: spikes plus what is left above 0 on the membranes,
            in thresholds. The mean over time, towards which it draws, passes no gradient.

    Returns:
        The mean over the batch; 0 where all steps are alike.

    """
    each = responses.flatten(2)
    alike = nn.functional.cosine_similarity(each, each.mean(0, keepdim=True).detach(), 2, 1e-5)
    return (1 / (alike.mean(0) + 1e-5) - 1).mean()


@contextmanager
def layer_responses(model: nn.Module) -> Iterator[list[list[Tensor]]]:
    """Note the responses of each layer of neurons, step by step; see `cosine_strain`."""
    layers = [m for m in model.modules() if isinstance(m, Neuron) and m.state_names]
    noted: list[list[Tensor]] = [[] for _ in layers]

    def note(into: list[Tensor], module: Neuron, spikes: Tensor) -> None:
        assert module.state is not None
        membrane = module.state[module.state_names.index("v")]
        into.append(spikes + torch.relu(membrane) / module.fitted("threshold", membrane))

    hooks = [
        layer.register_forward_hook(lambda module, _x, y, into=into: note(into, module, y))
        for layer, into in zip(layers, noted, strict=True)
    ]
    try:
        yield noted
    finally:
        for hook in hooks:
            hook.remove()


class Anytime:
    """BPTT for outputs that are right early, so that a cutoff costs less accuracy.

    The loss is that of the mean output; `early` is the share of it that goes to the answers before
    the end instead, the mean over steps of the loss of the mean output so far (after TET: Deng et
    al., arXiv 2202.11946, eq. 10, which takes each step's output alone).

    Two terms are added, each with its weight. `layers` is for
    AOI-SNN's regulariser (Wu et al., arXiv 2301.09522, in the form of their published code): the
    sum over the layers of neurons of `cosine_strain`, which draws what a layer says in each step to
    what it says in the mean.
    `weight` is for one of our own, which does the same to the outputs alone: the mean over steps of
    1 - cos(mean output so far, mean output at the end).

    Args:
        weight: at least 0.
        layers: at least 0.
        layer_by_layer: see `snn.run`; batch normalisation then sees all time steps at once.
        early: from 0 to 1.

    Raises:
        ValueError: a weight is out of its range.

    """

    def __init__(
        self,
        weight: float = 0.1,
        layers: float = 0.0,
        layer_by_layer: bool = False,
        early: float = 0.0,
    ) -> None:
        if weight < 0 or layers < 0:
            raise ValueError(f"weight and layers must be at least 0, not {weight} and {layers}")
        if not 0 <= early <= 1:
            raise ValueError(f"early must be from 0 to 1, not {early}")
        self.weight, self.layers, self.layer_by_layer = weight, layers, layer_by_layer
        self.early = early
        self.run: Run = run

    def backward(self, model: nn.Module, x: Tensor, target: Tensor, loss: Loss) -> float:
        """See `Rule`."""
        reset(model)
        strain: Any = 0.0
        if self.layers:
            with layer_responses(model) as responses:
                means = running_mean(run(model, x))
            strain = sum(cosine_strain(torch.stack(steps)) for steps in responses if steps)
        else:
            means = running_mean(self.run(model, x, self.layer_by_layer))
        alike = nn.functional.cosine_similarity(means, means[-1:].detach(), dim=2)
        value = loss(means[-1], target)
        if self.early:
            each = torch.stack([loss(mean, target) for mean in means])
            value = torch.lerp(value, each.mean(), self.early)
        value = value + self.weight * (1 - alike).mean() + self.layers * strain
        value.backward()
        reset(model)
        return float(value.detach())


class Measure(Protocol):
    """How sure an output is: (time, batch, classes) to (time, batch)."""

    def __call__(self, means: Tensor) -> Tensor:
        """See above."""


def gap(means: Tensor) -> Tensor:
    """Lead of the first class over the second, after AOI-SNN's Top-K cutoff.

    There it is the lead in the sum of the outputs, with a threshold for each step.
    """
    best = means.topk(2, dim=-1).values
    return best[..., 0] - best[..., 1]


@dataclass(frozen=True)
class Confidence:
    """Softmax of the first class (Dynamic Confidence: Li et al., arXiv 2303.10276).

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
