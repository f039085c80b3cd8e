"""Coincidence patterns: classes that differ in the timing of spikes alone.

In each class the inputs fire once, evenly spaced in time, in an order of the class's own, with
jitter, and random spikes are strewn in. All inputs fire equally often in all classes, and no two
at once, so that a network must bring spikes of different times together, which takes delays
(Hammouamri et al., arXiv 2306.17670, compare no, fixed random and learned delays so).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.data import TensorDataset

from spikeloop.parameters import parameter
from spikeloop.snn.layers.delays import DelayedLinear
from spikeloop.snn.neurons.integrate import LeakyIntegrator
from spikeloop.snn.neurons.lif import LIF
from spikeloop.snn.stateful import reset, run
from spikeloop.snn.training.rule import Loss
from spikeloop.snn.training.trainer import Samples, Trainer, TrainingConfig

DT = 1e-3
KINDS = ("none", "random", "learned")
TEST_SEED = 73_000_000


@dataclass(frozen=True)
class Patterns:
    """The patterns, and the network that tells them apart."""

    inputs: int = parameter(10, "inputs", low=2)
    classes: int = parameter(8, "classes", low=2)
    span: int = parameter(36, "latencies are from 0 to this", unit="steps", low=2)
    jitter: float = parameter(0.7, "standard deviation of each spike", unit="steps", low=0.0)
    strewn: float = parameter(3.0, "random spikes in a sample, mean", low=0.0)
    hidden: int = parameter(10, "hidden neurons", low=1)
    samples: int = parameter(1200, "samples for training and validation", low=10)
    tests: int = parameter(600, "samples for the test", low=10)
    epochs: int = parameter(20, "passes over the samples", low=1)
    learning_rate: float = parameter(1e-2, "first learning rate of AdamW", low=0.0)

    @property
    def steps(self) -> int:
        """Length of a sample: latencies, jitter, and the delays that follow."""
        return 2 * self.span + 6


def draw(config: Patterns, seed: int, count: int, stream: int) -> tuple[Tensor, Tensor]:
    """Samples of the classes that a seed fixes.

    Args:
        config: see `Patterns`.
        seed: of the classes.
        count: number of samples.
        stream: which samples; those of two streams have nothing else in common.

    Returns:
        (count, steps, inputs) float32 of 0 and 1, and (count,) classes.

    """
    classes = torch.Generator().manual_seed(seed)
    orders = [torch.randperm(config.inputs, generator=classes) for _ in range(config.classes)]
    latency = torch.stack(orders) * (config.span / (config.inputs - 1))
    random = torch.Generator().manual_seed(seed + stream)
    labels = torch.arange(count) % config.classes
    jitter = config.jitter * torch.randn(count, config.inputs, generator=random)
    times = (latency[labels] + jitter + 2).round().long().clamp(0, config.span + 5)
    chance = config.strewn / (config.inputs * (config.span + 6))
    x = torch.zeros(count, config.steps, config.inputs)
    first = torch.rand(count, config.span + 6, config.inputs, generator=random) < chance
    x[:, : config.span + 6] = first.float()
    return x.scatter(1, times.unsqueeze(1), 1.0), labels


def network(config: Patterns, kind: str) -> nn.Sequential:
    """Delayed synapses, LIF, read-out; `kind` is one of `KINDS`.

    All three have the same number of weights and neurons; only the delays differ.

    Raises:
        ValueError: an unknown kind.

    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not '{kind}'")
    delays = DelayedLinear(
        config.inputs,
        config.hidden,
        config.span * DT,
        DT,
        learn_delays=kind == "learned",
        delays="none" if kind == "none" else "random",
    )
    if kind == "learned":
        # One optimiser for all: so delays move ten times as far in a step as weights do.
        parametrize.register_parametrization(delays, "position", _Scaled(10.0))
    return nn.Sequential(
        delays,
        LIF(1.5e-3, DT, unit_input=True),
        nn.Linear(config.hidden, config.classes),
        LeakyIntegrator(20e-3, DT, unit_input=True),
    )


class _Scaled(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, raw: Tensor) -> Tensor:
        return self.factor * raw

    def right_inverse(self, value: Tensor) -> Tensor:
        return value / self.factor


class DelayRule:
    """BPTT that narrows the delays' Gaussians as the training goes on.

    Args:
        batches: how many batches the whole training has.

    """

    def __init__(self, batches: int) -> None:
        self.batches, self.done = batches, 0

    def backward(self, model: nn.Module, x: Tensor, target: Tensor, loss: Loss) -> float:
        """See `Rule`."""
        for layer in model.modules():
            if isinstance(layer, DelayedLinear):
                layer.set_progress(self.done / self.batches)
        self.done += 1
        reset(model)
        value = loss(run(model, x, layer_by_layer=True).mean(0), target)
        value.backward()  # type: ignore[no-untyped-call]
        reset(model)
        return float(value.detach())


def test_accuracy(config: Patterns, kind: str, seed: int) -> float:
    """Train one network, the best epoch by validation, and test it on samples of their own."""
    torch.manual_seed(seed)
    model = network(config, kind)
    settings = TrainingConfig(
        epochs=config.epochs, learning_rate=config.learning_rate, seed=seed, device="cpu"
    )
    x, labels = draw(config, seed, config.samples, stream=1)
    kept = round(config.samples * (1 - settings.validation_share))
    rule = DelayRule(config.epochs * -(-kept // settings.batch_size))
    trainer = Trainer(settings, rule, quiet=True)
    samples: Samples = TensorDataset(x, labels)  # type: ignore[assignment]
    trainer.fit(model, samples)
    x, labels = draw(config, seed, config.tests, stream=TEST_SEED)
    tests: Samples = TensorDataset(x, labels)  # type: ignore[assignment]
    outputs, targets = trainer.outputs(model, tests)
    return float((outputs.mean(0).argmax(1) == targets).float().mean())
