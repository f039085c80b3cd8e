"""What a decision of the spiking transformer costs, counted from its spikes; and of the plain one.

Counted with cached keys and values: a decision computes three new tokens, of which only the state
asks for attention. Every spike of a layer counts, also those that the phase gate stops. A spike
costs an accumulate at each of its synapses; a coincidence of query and key, and a cached value's
spike, cost one too. Multiply-accumulates: the tokens' real inputs, the routing, and the softmax
with one for each token and head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from spikeloop.control.decision_transformer.attention import TOKENS, SpikingBlock
from spikeloop.control.decision_transformer.config import ModelConfig
from spikeloop.control.decision_transformer.model import SpikingDecisionTransformer
from spikeloop.control.decision_transformer.neurons import TokenNeurons
from spikeloop.control.decision_transformer.problems import Problem
from spikeloop.metrics.energy import operation_energy


@dataclass
class Cost:
    """Of one decision, or the mean of several.

    Attributes:
        layers: spikes of each layer.
        acs: accumulates.
        macs: multiply-accumulates.
        updates: updates of neurons.

    """

    layers: dict[str, float] = field(default_factory=dict)
    acs: float = 0.0
    macs: float = 0.0
    updates: float = 0.0

    @property
    def spikes(self) -> float:
        """Of all layers."""
        return sum(self.layers.values())

    @property
    def energy_j(self) -> float:
        """By `operation_energy`, J."""
        return operation_energy(self).joules


class CostMeter:
    """Counts while a model decides.

    Attributes:
        last: the newest spikes of each layer, (steps, batch, ...).

    """

    def __init__(self, model: SpikingDecisionTransformer) -> None:
        """Watch a model until `close`."""
        self._model = model
        self._fanout = _fanouts(model)
        self._sums: dict[str, Tensor] = {}
        self._neurons = 0
        self._accumulated = torch.zeros(())
        self._visible = 0
        self._hooks: list[Any] = []
        for name, layer in model.named_modules():
            if isinstance(layer, TokenNeurons):
                layer.observer = self._observer(name)
            elif isinstance(layer, SpikingBlock):
                self._hooks.append(layer.register_forward_hook(self._attend))
        self.last: dict[str, Tensor] = {}

    def close(self) -> None:
        """Watch no more."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        for layer in self._model.modules():
            if isinstance(layer, TokenNeurons):
                layer.observer = None

    def _observer(self, name: str) -> Callable[[Tensor], None]:
        def take(spikes: Tensor) -> None:
            spikes = spikes.detach()
            total = spikes.sum()
            self._sums[name] = self._sums[name] + total if name in self._sums else total
            self._neurons += spikes.numel()
            self.last[name] = spikes

        return take

    def _attend(self, module: Any, given: tuple[Tensor, ...], output: Any) -> None:
        _, query, key, value, mask = given
        if module.config.attention:
            self._accumulated = self._accumulated + ((query @ key.transpose(-1, -2)) * mask).sum()
            self._accumulated = self._accumulated + query.shape[2] * value.sum()
            self._visible += query.shape[0] * query.shape[1] * query.shape[2] * key.shape[2]

    def take(self, decisions: int = 1) -> Cost:
        """The mean cost of what was decided since the last call."""
        config = self._model.config
        layers = {name: float(value) / decisions for name, value in self._sums.items()}
        acs = sum(count * self._fanout[name] for name, count in layers.items())
        inputs = sum(p.numel() for p in self._model.encode.parameters() if p.ndim == 2)
        routed = config.heads * (config.heads + config.hidden) * config.steps
        routing = config.blocks * routed if config.routing else 0
        cost = Cost(
            layers,
            acs + float(self._accumulated) / decisions,
            inputs + routing + self._visible / decisions,
            self._neurons / decisions,
        )
        self._sums, self._neurons, self._visible = {}, 0, 0
        self._accumulated = torch.zeros(())
        return cost


@contextmanager
def metered(model: SpikingDecisionTransformer) -> Iterator[CostMeter]:
    """A meter that is closed at the end."""
    meter = CostMeter(model)
    try:
        yield meter
    finally:
        meter.close()


def short(name: str) -> str:
    """A layer's name as in metrics: of the tokens, or with its block's number."""
    parts = name.split(".")
    return parts[-1] if parts[0] == "lif" else f"{parts[-1]}_{parts[1]}"


def _fanouts(model: SpikingDecisionTransformer) -> dict[str, int]:
    """Synapses of each neuron of a layer, by the layer's name."""
    config = model.config
    width, hidden = config.width, config.hidden
    last = config.blocks == 1
    found = {
        # Actions and returns are only looked at, states also ask, unless more blocks follow.
        "lif.before": 2 * width if last else 3 * width + hidden,
        "lif.returns": 2 * width if last else 3 * width + hidden,
        "lif.state": 3 * width + hidden,
    }
    for index in range(config.blocks):
        end = index == config.blocks - 1
        block = f"blocks.{index}.lif."
        # Attention's own accumulates are counted where it happens.
        found |= {block + name: 0 for name in ("query", "key", "value")}
        found[block + "attended"] = hidden
        found[block + "hidden"] = width
        found[block + "output"] = model.head.out_features if end else 3 * width + hidden
    return found


def plain_cost(problem: Problem, config: ModelConfig) -> Cost:
    """Of a decision of the plain transformer with cached keys and values, context filled."""
    width, hidden = config.width, config.hidden
    inputs = (2 * problem.actions + problem.states + 1) * width
    token = 2 * width * width
    query = 2 * width * width + 2 * width * hidden
    seen = TOKENS * config.context
    attention = 2 * seen * width
    deciding = TOKENS * (config.blocks - 1) + 1
    macs = inputs + config.blocks * TOKENS * token + deciding * (query + attention)
    return Cost(macs=float(macs))
