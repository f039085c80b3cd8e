"""The spiking decision transformer: return to go, state and action before in, action out."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from spikeloop.control.decision_transformer.attention import SpikingBlock
from spikeloop.control.decision_transformer.config import TOKENS, ModelConfig
from spikeloop.control.decision_transformer.neurons import TokenNeurons


class DecisionTransformer(Protocol):
    """What the spiking and the plain one share."""

    config: ModelConfig
    head: nn.Linear

    def features(self, returns: Tensor, states: Tensor, before: Tensor, decision: Tensor) -> Tensor:
        """What the action head gets, (batch, decisions, width).

        Args:
            returns: (batch, decisions, 1) scaled returns to go.
            states: (batch, decisions, states) scaled.
            before: (batch, decisions, actions) the coded action before; zeros at the first.
            decision: (batch, decisions) int64, number of each decision in its episode.

        """


def looks_back(count: int, context: int, device: torch.device) -> Tensor:
    """Who sees whom among the tokens of `count` decisions, (tokens, tokens) bool.

    A token sees those before it and itself, of its own decision and the `context` - 1 before.
    """
    token = torch.arange(count * TOKENS, device=device)
    causal = token.unsqueeze(1) >= token
    near = (token // TOKENS).unsqueeze(1) - token // TOKENS < context
    return causal & near


class SpikingDecisionTransformer(nn.Module):
    """Tokens by direct encoding, blocks of spiking attention, and a head on spike rates."""

    def __init__(self, states: int, actions: int, config: ModelConfig) -> None:
        """Build it with random weights.

        Args:
            states: values of a state.
            actions: values of a coded action.
            config: sizes and switches.

        """
        super().__init__()
        self.config = config
        sizes = {"before": actions, "returns": 1, "state": states}
        self.encode = nn.ModuleDict({k: nn.Linear(n, config.width) for k, n in sizes.items()})
        self.lif = nn.ModuleDict({name: TokenNeurons() for name in sizes})
        self.blocks = nn.ModuleList(SpikingBlock(config) for _ in range(config.blocks))
        self.head = nn.Linear(config.width, actions)

    def tokens(self, before: Tensor, returns: Tensor, states: Tensor) -> Tensor:
        """Spikes of the tokens, (steps, batch, 3 decisions, width), in causal order."""
        parts = []
        for name, values in (("before", before), ("returns", returns), ("state", states)):
            current = self.encode[name](values)
            layer = self.lif[name]
            assert isinstance(layer, TokenNeurons)
            parts.append(layer.whole(current.expand(self.config.steps, *current.shape)))
        return torch.stack(parts, 3).flatten(2, 3)

    def features(self, returns: Tensor, states: Tensor, before: Tensor, decision: Tensor) -> Tensor:
        """Spike rates of the last block at the state tokens; see `DecisionTransformer`."""
        x = self.tokens(before, returns, states)
        mask = looks_back(states.shape[1], self.config.context, states.device)
        owner = decision.repeat_interleave(TOKENS, 1)
        for index, block in enumerate(self.blocks):
            assert isinstance(block, SpikingBlock)
            gates = block.gates(owner)
            key, value = (block.projected(name, x, gates) for name in ("key", "value"))
            if index == len(self.blocks) - 1:
                # Only states are asked for an action.
                at = slice(TOKENS - 1, None, TOKENS)
                x, gates, mask = x[:, :, at], gates[:, :, at], mask[at]
            x = block(x, block.projected("query", x, gates), key, value, mask)
        return x.mean(0)

    def forward(self, returns: Tensor, states: Tensor, before: Tensor, decision: Tensor) -> Tensor:
        """Logits of the choices, or values of the action, (batch, decisions, actions)."""
        y: Tensor = self.head(self.features(returns, states, before, decision))
        return y
