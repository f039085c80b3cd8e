"""Counts what decisions of the spiking transformer in torch cost; see `cost`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from spikeloop.control.decision_transformer.attention import SpikingBlock
from spikeloop.control.decision_transformer.cost import Cost, assembled
from spikeloop.control.decision_transformer.model import SpikingDecisionTransformer
from spikeloop.control.decision_transformer.neurons import TokenNeurons


class CostMeter:
    """Counts while a model decides.

    Attributes:
        last: the newest spikes of each layer, (steps, batch, ...).

    """

    def __init__(self, model: SpikingDecisionTransformer) -> None:
        """Watch a model until `close`."""
        self._model = model
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
        model = self._model
        inputs = sum(p.numel() for p in model.encode.parameters() if p.ndim == 2)
        cost = assembled(
            model.config,
            model.head.out_features,
            {name: float(value) / decisions for name, value in self._sums.items()},
            float(self._accumulated) / decisions,
            inputs + self._visible / decisions,
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
