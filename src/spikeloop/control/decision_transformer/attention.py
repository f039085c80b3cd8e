"""One block of the spiking decision transformer: spikes in, causal attention, spikes out.

All that passes between the layers is spikes: queries, keys, values, what attention gives, what
stands between, and the output are each a layer of LIF neurons. After Pandey and Biswas, "Spiking
Decision Transformers" (arXiv 2508.21505), with the attention causal and exact when it is cached.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spikeloop.control.decision_transformer.config import ModelConfig
from spikeloop.control.decision_transformer.neurons import SLOPE, TokenNeurons
from spikeloop.snn.surrogates import FastSigmoid

START_GAIN = 3.0


class PhaseCode(nn.Module):
    """Position as phase: head h may fire in step n only where sin(w_h n + p_h) > 0.

    n counts the neurons' steps through the context's slots, which are used in turn, so a cached
    spike keeps its code for as long as it is looked back on. Frequencies w and phases p are
    learned; the gate's derivative is that of a spike.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        heads = config.heads
        self.steps, self.slots = config.steps, config.context
        self.frequency = nn.Parameter(torch.linspace(0.5, 2.0, heads))
        self.phase = nn.Parameter(2 * math.pi * torch.arange(heads) / heads)
        self.surrogate = FastSigmoid(SLOPE)

    def forward(self, decision: Tensor) -> Tensor:
        """Gates, 0 or 1.

        Args:
            decision: (batch, tokens) int64, number of the decision that each token belongs to.

        Returns:
            (steps, batch, tokens, heads, 1).

        """
        step = torch.arange(self.steps, device=decision.device).view(-1, 1, 1)
        n = (decision % self.slots) * self.steps + step
        wave = torch.sin(n.unsqueeze(-1) * self.frequency + self.phase)
        gate: Tensor = self.surrogate(wave)
        return gate.unsqueeze(-1)


@dataclass
class Activity:
    """Spikes of a block, for accounts of its cost; each (steps, batch, tokens, neurons)."""

    query: Tensor
    key: Tensor
    value: Tensor
    attended: Tensor
    hidden: Tensor
    output: Tensor


class SpikingBlock(nn.Module):
    """Attention over spikes, routing over heads, a hidden layer.

    Queries and keys agree by the number of their coincident spikes, over all steps and neurons of
    a head; a softmax over the tokens makes them weights, with which the spikes of the values
    become currents. With gates g_h of the heads (dendritic routing), the hidden layer gets
    W_x x + sum_h g_h W_h a_h, where a_h are the spikes that attention gives.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, heads, hidden = config.width, config.heads, config.hidden
        self.config = config
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.sharpness = nn.Parameter(torch.full((heads, 1, 1), 1.0 / math.sqrt(width // heads)))
        self.gain = nn.Parameter(torch.full((heads, 1), START_GAIN))
        self.route = nn.Linear(heads, heads)
        self.into = nn.Linear(width, hidden)
        self.mixed = nn.Linear(width, hidden, bias=False)
        self.back = nn.Linear(hidden, width)
        self.code = PhaseCode(config)
        names = ("query", "key", "value", "attended", "hidden", "output")
        self.lif = nn.ModuleDict({name: TokenNeurons() for name in names})
        with torch.no_grad():
            for layer in (self.query, self.key, self.value, self.into, self.mixed, self.back):
                layer.weight.mul_(2.0)

    def _fire(self, name: str, current: Tensor) -> Tensor:
        layer = self.lif[name]
        assert isinstance(layer, TokenNeurons)
        return layer.whole(current)

    def gates(self, decision: Tensor) -> Tensor:
        """Phase gates of tokens (batch, tokens); ones where there is no phase code."""
        if self.config.phase:
            gate: Tensor = self.code(decision)
            return gate
        shape = (self.config.steps, *decision.shape, self.config.heads, 1)
        return torch.ones(shape, device=decision.device)

    def projected(self, name: str, x: Tensor, gates: Tensor) -> Tensor:
        """Gated spikes of "query", "key" or "value", (batch, heads, tokens, steps * width/heads).

        Args:
            name: which.
            x: (steps, batch, tokens, width) spikes.
            gates: (steps, batch, tokens, heads, 1).

        """
        layer: nn.Module = getattr(self, name)
        spikes = self._fire(name, layer(x))
        split = spikes.unflatten(-1, (self.config.heads, -1)) * gates  # type: ignore[no-untyped-call]
        y: Tensor = split.permute(1, 3, 2, 0, 4).flatten(3)
        return y

    def forward(self, x: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Spikes of the block.

        Args:
            x: (steps, batch, tokens, width) spikes of the tokens that ask.
            query: (batch, heads, tokens, n) their gated spikes, see `projected`.
            key: (batch, heads, others, n).
            value: as `key`.
            mask: (tokens, others) or (batch, 1, tokens, others) bool, who may be seen.

        Returns:
            (steps, batch, tokens, width).

        """
        heads, steps = self.config.heads, self.config.steps
        if self.config.attention:
            agreement = self.sharpness * (query @ key.transpose(-1, -2))
            weight = agreement.masked_fill(~mask, -torch.inf).softmax(-1)
            current = (weight @ value).unflatten(-1, (steps, -1))  # type: ignore[no-untyped-call]
            current = current.permute(3, 0, 2, 1, 4) * self.gain
        else:
            current = query.new_zeros(*x.shape[:3], heads, x.shape[-1] // heads)
        attended = self._fire("attended", current)
        if self.config.routing:
            attended = attended * (2 * torch.sigmoid(self.route(attended.mean(-1)))).unsqueeze(-1)
        hidden = self._fire("hidden", self.into(x) + self.mixed(attended.flatten(-2)))
        return self._fire("output", self.back(hidden))
