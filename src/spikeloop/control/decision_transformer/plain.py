"""A plain decision transformer of the same sizes: the baseline (Chen et al., arXiv 2106.01345)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeloop.control.decision_transformer.config import TOKENS, ModelConfig
from spikeloop.control.decision_transformer.model import looks_back


class _Block(nn.Module):
    """Attention and two layers with GELU, each behind a layer norm and added to what comes in."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.width
        self.before_attention, self.before_hidden = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, config.heads, batch_first=True)
        self.into = nn.Linear(width, config.hidden)
        self.back = nn.Linear(config.hidden, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        normal = self.before_attention(x)
        seen, _ = self.attention(normal, normal, normal, attn_mask=~mask, need_weights=False)
        x = x + seen
        hidden = torch.nn.functional.gelu(self.into(self.before_hidden(x)))
        y: Tensor = x + self.back(hidden)
        return y


class PlainDecisionTransformer(nn.Module):
    """Linear tokens, a learned code for each slot of the context, blocks, and a linear head."""

    def __init__(self, states: int, actions: int, config: ModelConfig) -> None:
        """Build it with random weights; arguments as for the spiking one."""
        super().__init__()
        self.config = config
        width = config.width
        sizes = {"before": actions, "returns": 1, "state": states}
        self.encode = nn.ModuleDict({k: nn.Linear(n, width) for k, n in sizes.items()})
        self.slot = nn.Embedding(config.context, width)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))
        self.normal = nn.LayerNorm(width)
        self.head = nn.Linear(width, actions)

    def features(self, returns: Tensor, states: Tensor, before: Tensor, decision: Tensor) -> Tensor:
        """See `DecisionTransformer`."""
        given = {"before": before, "returns": returns, "state": states}
        code = self.slot(decision % self.config.context)
        x = torch.stack([self.encode[k](v) + code for k, v in given.items()], 2).flatten(1, 2)
        mask = looks_back(states.shape[1], self.config.context, states.device)
        for block in self.blocks:
            x = block(x, mask)
        y: Tensor = self.normal(x[:, TOKENS - 1 :: TOKENS])
        return y

    def forward(self, returns: Tensor, states: Tensor, before: Tensor, decision: Tensor) -> Tensor:
        """See `SpikingDecisionTransformer.forward`."""
        y: Tensor = self.head(self.features(returns, states, before, decision))
        return y
