"""Weights of 8 bits: whole numbers from -127 to 127, times one scale an output channel.

Symmetric and without an offset, so that a spike still adds one row of numbers: the scale of channel
c is max |w_c| / 127 (Krishnamoorthi, arXiv 1806.08342, sec. 3.1.1, per channel, symmetric), and
multiplies the sum once. Batch normalisation behind the synapse multiplies whole channels, and
pooling before it all of them, so they change the scales, not the whole numbers. Biases, time
constants and thresholds stay as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeloop.snn.stateful import copy_without_state

GREATEST = 127
SYNAPSES = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def rounded(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers and scales whose products are nearest to a weight.

    Args:
        weight: (outputs, ...).

    Returns:
        whole numbers (outputs, ...) and scales (outputs,), both float64; a channel of zeros has
        the scale 1.

    """
    values = weight.detach().double()
    greatest = values.flatten(1).abs().amax(1)
    scale = torch.where(greatest > 0, greatest / GREATEST, torch.ones_like(greatest))
    return torch.round(values / scale.view(-1, *(1,) * (values.ndim - 1))), scale


def quantised(model: nn.Module) -> nn.Module:
    """A copy of a model whose linear and convolutional layers have such weights, as floats.

    It runs and is measured like any model, and is what `compile(..., weights="int8")` runs, but for
    the rounding of sums. What other layers learn isn't touched.
    """
    copied = copy_without_state(model)
    for module in copied.modules():
        if isinstance(module, SYNAPSES):
            whole, scale = rounded(module.weight)
            fitted = whole * scale.view(-1, *(1,) * (whole.ndim - 1))
            with torch.no_grad():
                module.weight.copy_(fitted)
    return copied
