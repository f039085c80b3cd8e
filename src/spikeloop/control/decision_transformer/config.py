"""Sizes and switches of the decision transformers, and how they are trained."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter

TOKENS = 3
"""Of each decision, in causal order: the action before, the return to go, the state."""
STEP_S, TAU_S = 2.5e-3, 5e-3
"""Time step and membrane time constant: four steps are one decision at 100 Hz."""


@dataclass(frozen=True)
class ModelConfig:
    """The spiking decision transformer; the plain one takes its sizes alone."""

    width: int = parameter(32, "Neurons of a token.", low=1, high=1024, fixed=True)
    heads: int = parameter(4, "Heads of the attention.", low=1, high=64, fixed=True)
    hidden: int = parameter(64, "Neurons between attention and read-out.", low=1, fixed=True)
    blocks: int = parameter(1, "Blocks of attention.", low=1, high=16, fixed=True)
    steps: int = parameter(4, "Time steps of the neurons in a decision.", low=1, high=64)
    context: int = parameter(20, "Decisions that are looked back on.", low=1, high=500)
    attention: bool = parameter(True, "False silences attention, as a control.", fixed=True)
    phase: bool = parameter(True, "Spikes are gated by phase, which codes position.", fixed=True)
    routing: bool = parameter(True, "Heads are gated by one another's activity.", fixed=True)

    def __post_init__(self) -> None:
        """Refuse heads that don't divide the width.

        Raises:
            ValueError: naming both.

        """
        if self.width % self.heads:
            raise ValueError(f"width ({self.width}) must be a multiple of heads ({self.heads})")


@dataclass(frozen=True)
class TrainingConfig:
    """How long and by which rules a decision transformer learns."""

    updates: int = parameter(2000, "Batches.", low=1)
    batch: int = parameter(64, "Windows in a batch.", low=1)
    rate: float = parameter(3e-3, "Learning rate of AdamW, falls along a cosine.", low=0.0)
    action_dropout: float = parameter(
        0.5, "Share of the actions before that the network doesn't see.", low=0.0, high=1.0
    )
    decay: float = parameter(1e-4, "Weight decay of AdamW.", low=0.0)
    plasticity: bool = parameter(True, "The action head learns by the three-factor rule.")
    plastic_rate: float = parameter(0.1, "Its rate, falls along the same cosine.", low=0.0)
    trace: float = parameter(3.0, "Time constant of its eligibility, in batches.", low=0.1)
    spike_penalty: float = parameter(0.0, "Price of a spike a neuron and step.", low=0.0)
