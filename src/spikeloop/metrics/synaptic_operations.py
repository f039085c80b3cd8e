"""Operations of a network while it runs: dense, effective MACs and ACs, and activity.

As NeuroBench defines them (Yik et al., arXiv 2304.04640, sec. 2): a synaptic operation is a weight
that isn't zero times an input that isn't zero. Where all inputs of a layer in a step are -1, 0 or
1, they are accumulates (AC), else multiply-accumulates (MAC), so real-valued layers count as MACs.
Dense operations count zeros too. Biases and neuron updates aren't synaptic operations; the latter
are counted beside, for models of energy that need them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from spikeloop.snn.layers.delays import DelayedLinear
from spikeloop.snn.layers.heterogeneous_delay import HeterogeneousDelayConv
from spikeloop.snn.layers.recurrent import Recurrent
from spikeloop.snn.neurons.neuron import Neuron

Count = Callable[[Any, Tensor, Tensor], float]


@dataclass
class LayerCost:
    """What one layer did.

    Attributes:
        dense: operations that a dense machine would do.
        macs: effective multiply-accumulates.
        acs: effective accumulates.
        outputs: values that a neuron layer gave.
        active: those of them that weren't zero.

    """

    dense: float = 0.0
    macs: float = 0.0
    acs: float = 0.0
    outputs: int = 0
    active: int = 0


@dataclass
class Operations:
    """Sums over layers, per sample.

    Attributes:
        samples: samples that were seen; everything else is divided by it.
        dense: see `LayerCost`, as the others.
        macs: likewise.
        acs: likewise.
        updates: neuron updates.
        spikes: outputs of neurons that weren't zero.
        activation_sparsity: share of neuron outputs that were zero; 0 without neurons.
        layers: the cost of each layer, by name, as sums over all samples.

    """

    samples: int
    dense: float
    macs: float
    acs: float
    updates: float
    spikes: float
    activation_sparsity: float
    layers: dict[str, LayerCost] = field(default_factory=dict)


def _linear(layer: nn.Linear, x: Tensor, weight: Tensor) -> float:
    return float((x.flatten(0, -2).sum(0) * weight.sum(0)).sum())


def _conv(kind: Callable[..., Tensor]) -> Count:
    def count(layer: Any, x: Tensor, weight: Tensor) -> float:
        if layer.padding_mode != "zeros":
            raise ValueError(f"operations of padding mode '{layer.padding_mode}' aren't counted")
        # Channels of the output don't matter to the sum, so one stands for all of its group.
        summed = weight.unflatten(0, (layer.groups, -1)).sum(1)  # type: ignore[no-untyped-call]
        y = kind(x, summed, None, layer.stride, layer.padding, layer.dilation, layer.groups)
        return float(y.double().sum())

    return count


def _heterogeneous(layer: HeterogeneousDelayConv, x: Tensor, weight: Tensor) -> float:
    # Each input meets every delay once, sooner or later.
    summed = weight.sum((0, 1), keepdim=False).unsqueeze(0)
    y = nn.functional.conv2d(x, summed, padding=summed.shape[-1] // 2)
    return float(y.double().sum())


COUNTS: dict[type, Count] = {
    nn.Linear: _linear,
    nn.Conv1d: _conv(nn.functional.conv1d),
    nn.Conv2d: _conv(nn.functional.conv2d),
    nn.Conv3d: _conv(nn.functional.conv3d),
    DelayedLinear: _linear,
    HeterogeneousDelayConv: _heterogeneous,
}
"""How the operations of each kind of layer are counted, from 0/1 inputs and 0/1 weights."""


class OperationCounter:
    """Counts while a model runs, from `with` on until its end.

        with OperationCounter(model) as counter:
            snn.run(model, sequence)
        print(counter.operations(samples=batch).acs)

    Args:
        model: any module; its linear, convolutional, delayed and neuron layers are counted.

    """

    def __init__(self, model: nn.Module) -> None:
        self.layers: dict[str, LayerCost] = {}
        self._model = model
        self._hooks: list[Any] = []

    def __enter__(self) -> OperationCounter:
        """Start counting."""
        for name, module in self._model.named_modules():
            if type(module) in COUNTS:
                self._hooks.append(module.register_forward_pre_hook(self._synapses(name)))
            elif isinstance(module, (Neuron, Recurrent)):
                self._hooks.append(module.register_forward_hook(self._neurons(name)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop counting."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    def reset(self) -> None:
        """Start again at 0."""
        self.layers.clear()

    def operations(self, samples: int = 1) -> Operations:
        """What was counted, per sample.

        Raises:
            ValueError: fewer than one sample.

        """
        if samples < 1:
            raise ValueError(f"samples must be at least 1, not {samples}")
        costs = list(self.layers.values())
        outputs, active = sum(c.outputs for c in costs), sum(c.active for c in costs)
        return Operations(
            samples=samples,
            dense=sum(c.dense for c in costs) / samples,
            macs=sum(c.macs for c in costs) / samples,
            acs=sum(c.acs for c in costs) / samples,
            updates=outputs / samples,
            spikes=active / samples,
            activation_sparsity=1 - active / outputs if outputs else 0.0,
            layers=dict(self.layers),
        )

    def _synapses(self, name: str) -> Callable[[Any, Any], None]:
        def hook(module: Any, given: Any) -> None:
            cost = self.layers.setdefault(name, LayerCost())
            x = given[0].detach()
            weight = module.weight.detach()
            if hasattr(module, "mask"):
                weight = weight * module.mask
            count = COUNTS[type(module)]
            with torch.no_grad():
                effective = count(module, (x != 0).float(), (weight != 0).float())
                cost.dense += count(module, torch.ones_like(x), torch.ones_like(weight))
                if bool(((x == 0) | (x.abs() == 1)).all()):
                    cost.acs += effective
                else:
                    cost.macs += effective

        return hook

    def _neurons(self, name: str) -> Callable[[Any, Any, Tensor], None]:
        def hook(module: Any, given: Any, output: Tensor) -> None:
            cost = self.layers.setdefault(name, LayerCost())
            cost.outputs += output.numel()
            cost.active += int(torch.count_nonzero(output.detach()))

        return hook
