"""Three factors for whole networks: synapses learn from what is at hand, and a broadcast error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spikeloop.snn.neurons.integrate import IF, Integrator, LeakyIntegrator
from spikeloop.snn.neurons.lif import LIF
from spikeloop.snn.stateful import reset
from spikeloop.snn.training.rule import Loss


@dataclass
class _Stage:
    """Synapses, their neurons if any, and the input of the former, faded by the latter's leak."""

    synapse: nn.Module
    neuron: LIF | IF | None
    trace: Tensor | None = None

    def step(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Output and second factor, for one step of input; the trace takes it in."""
        current = self.synapse(x)
        if self.neuron is None:
            self.trace = x
            return current, torch.ones_like(current)
        keep, gain, rest = self.neuron.coefficients(current)
        if keep.numel() != 1:
            raise ValueError(
                f"layer '{self.neuron.label}': three factors need one time constant for all neurons"
            )
        state = self.neuron.state or self.neuron.initial_state(current)
        charged = rest + keep * (state[0] - rest) + gain * current
        y = self.neuron(current)
        self.trace = x if self.trace is None else keep.reshape(()) * self.trace + x
        if isinstance(self.neuron, (LeakyIntegrator, Integrator)):
            return y, gain.expand_as(current)
        level = self.neuron.fitted("threshold", charged)
        return y, gain * self.neuron.surrogate.derivative(charged - level)


class Broadcast:
    """Three-factor learning of whole networks by an error that is broadcast (random e-prop).

    Bellec et al., Nature Communications 11:3625, 2020, eqs 1 to 4, without the way through the
    reset. In each step, the gradient of a synapse is pre x post x third: `pre`, its input, faded by
    the neurons' leak; `post`, the surrogate derivative at their membranes; `third`, the error of
    the output, brought to each neuron by fixed random weights. The loss is the mean over steps of
    that of each step's output. Nothing goes back through time or from layer to layer, so that no
    memory grows with the steps. Only synapses learn.

    The model is an nn.Sequential of synapses (any stateless layers) and LIF or IF neurons in turn;
    a synapse at the end, or a read-out that doesn't fire, gets the error itself.

    Args:
        seed: of the random weights.

    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def backward(self, model: nn.Module, x: Tensor, target: Tensor, loss: Loss) -> float:
        """See `Rule`.

        Raises:
            ValueError: the model isn't as above; the message names the layer.

        """
        reset(model)
        stages, total = list(_stages(model)), 0.0
        for one in x:
            factors, y = [], one
            with torch.no_grad():
                for stage in stages:
                    y, post = stage.step(y)
                    factors.append(post)
            output = y.requires_grad_()
            value = loss(output, target) / len(x)
            value.backward()  # type: ignore[no-untyped-call]
            assert output.grad is not None
            total += float(value.detach())
            for n, (stage, post) in enumerate(zip(stages, factors, strict=True)):
                third = output.grad
                if n < len(stages) - 1:
                    third = self._brought(output.grad, post, n)
                stage.synapse(stage.trace).backward(third * post)
        reset(model)
        return total

    def _brought(self, error: Tensor, like: Tensor, layer: int) -> Tensor:
        """The error at each neuron of a layer, shaped like its output."""
        generator = torch.Generator().manual_seed(1000 * self.seed + layer)
        weights = torch.randn(error.shape[1], like[0].numel(), generator=generator)
        brought: Tensor = error @ weights.to(error) / error.shape[1] ** 0.5
        return brought.view_as(like)


def _stages(model: nn.Module) -> Iterator[_Stage]:
    if not isinstance(model, nn.Sequential):
        raise ValueError("three factors need an nn.Sequential of synapses and neurons in turn")
    waiting: list[nn.Module] = []
    for name, layer in model.named_children():
        if not isinstance(layer, (LIF, IF)):
            waiting.append(layer)
            continue
        if not waiting:
            raise ValueError(f"three factors: layer '{name}' has no synapse before it")
        yield _Stage(nn.Sequential(*waiting), layer)
        waiting = []
    if waiting:
        yield _Stage(nn.Sequential(*waiting), None)
