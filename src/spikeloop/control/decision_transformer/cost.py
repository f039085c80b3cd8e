"""What a decision of the spiking transformer costs, counted from its spikes; and of the plain one.

Counted with cached keys and values: a decision computes three new tokens, of which only the state
asks for attention. Every spike of a layer counts, also those that the phase gate stops. A spike
costs an accumulate at each of its synapses; a coincidence of query and key, and a cached value's
spike, cost one too. Multiply-accumulates: the tokens' real inputs, the routing, and the softmax
with one for each token and head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spikeloop.control.decision_transformer.config import TOKENS, ModelConfig
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


def assembled(
    config: ModelConfig,
    actions: int,
    layers: Mapping[str, float],
    attention: float,
    products: float,
    updates: float,
) -> Cost:
    """The cost of a decision, from what was counted in it.

    Args:
        config: of the model.
        actions: outputs of its head.
        layers: spikes of each layer, by the name of its neurons in the model.
        attention: accumulates of the attention.
        products: multiply-accumulates of the tokens' inputs and of the softmax.
        updates: of neurons.

    """
    fanout = fanouts(config, actions)
    acs = sum(count * fanout[name] for name, count in layers.items())
    routed = config.heads * (config.heads + config.hidden) * config.steps
    routing = config.blocks * routed if config.routing else 0
    return Cost(dict(layers), acs + attention, products + routing, updates)


def short(name: str) -> str:
    """A layer's name as in metrics: of the tokens, or with its block's number."""
    parts = name.split(".")
    return parts[-1] if parts[0] == "lif" else f"{parts[-1]}_{parts[1]}"


def fanouts(config: ModelConfig, actions: int) -> dict[str, int]:
    """Synapses of each neuron of a layer, by the layer's name."""
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
        found[block + "output"] = actions if end else 3 * width + hidden
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
