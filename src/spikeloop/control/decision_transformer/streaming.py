"""Decisions one after the other: the spikes of earlier tokens are kept, never computed again."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from spikeloop.control.decision_transformer.attention import SpikingBlock
from spikeloop.control.decision_transformer.config import TOKENS
from spikeloop.control.decision_transformer.model import SpikingDecisionTransformer


@dataclass
class _Cache:
    """Keys and values of a block's slots, (batch, heads, 3 context, n), and of which decision."""

    key: Tensor
    value: Tensor


@dataclass
class Stream:
    """A batch of episodes that go on together.

    Attributes:
        model: what decides; its gradients aren't kept.
        batch: number of episodes.

    """

    model: SpikingDecisionTransformer
    batch: int = 1
    _caches: list[_Cache] = field(default_factory=list)
    decision: int = 0

    def reset(self) -> None:
        """Forget the context."""
        self.decision = 0
        self._caches = []

    @torch.inference_mode()
    def decide(self, returns: Tensor, states: Tensor, before: Tensor) -> Tensor:
        """The output for the newest state, (batch, actions).

        Equals that of the model on the whole window, where it has one block, or was trained on
        windows as long as its blocks look back together.

        Args:
            returns: (batch, 1) scaled returns to go.
            states: (batch, states) scaled.
            before: (batch, actions) the coded action before; zeros at the first.

        """
        model, config = self.model, self.model.config
        x = model.tokens(before.unsqueeze(1), returns.unsqueeze(1), states.unsqueeze(1))
        owner = torch.full((self.batch, TOKENS), self.decision)
        slot = TOKENS * (self.decision % config.context)
        here = slice(slot, slot + TOKENS)
        filled = TOKENS * min(self.decision + 1, config.context)
        mask = torch.ones(TOKENS, filled, dtype=torch.bool)
        mask[:, here] = torch.ones(TOKENS, TOKENS, dtype=torch.bool).tril()
        for index, block in enumerate(model.blocks):
            assert isinstance(block, SpikingBlock)
            gates = block.gates(owner)
            key, value = (block.projected(name, x, gates) for name in ("key", "value"))
            cache = self._cache(index, key)
            cache.key[:, :, here], cache.value[:, :, here] = key, value
            if index == len(model.blocks) - 1:
                x, gates, mask = x[:, :, -1:], gates[:, :, -1:], mask[-1:]
            query = block.projected("query", x, gates)
            x = block(x, query, cache.key[:, :, :filled], cache.value[:, :, :filled], mask)
        self.decision += 1
        output: Tensor = model.head(x.mean(0)[:, 0])
        return output

    def _cache(self, index: int, like: Tensor) -> _Cache:
        if index == len(self._caches):
            shape = (*like.shape[:2], TOKENS * self.model.config.context, like.shape[3])
            self._caches.append(_Cache(like.new_zeros(shape), like.new_zeros(shape)))
        return self._caches[index]
