"""Parameters of the place network with temporal code."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class TemporalConfig:
    """Size and training, with VPRTempo's values but for features, reliability and read-out."""

    features: float = parameter(0.2, "Feature neurons for each input.", low=0.01, high=32)
    reliability: float = parameter(
        1.0,
        "How much inputs count by their deviation between places over that between drives: "
        "exponent; 0 as in VPRTempo, which has none of this.",
        low=0.0,
        high=4.0,
    )
    read_out: str = parameter(
        "prototypes",
        "One neuron a place and drive, learned in one step, or one a place by VPRTempo's rule.",
        choices=("prototypes", "delta"),
    )
    module_places: int = parameter(
        10_000,
        "Most places of one module; a module has its own features, and the answers of modules are "
        "hard to compare.",
        low=2,
    )
    epochs: int = parameter(4, "Times that each layer sees the references.", low=1)
    rate_stdp: float = parameter(0.005, "Learning rate of weights.", low=0.0, high=0.1)
    rate_threshold: float = parameter(0.15, "Learning rate of thresholds.", low=0.0, high=1.0)
    excitatory: float = parameter(
        0.1, "Probability of an excitatory connection to a feature neuron.", low=0.0, high=1.0
    )
    inhibitory: float = parameter(
        0.5, "Probability of an inhibitory connection to a feature neuron.", low=0.0, high=1.0
    )
    homeostasis: float = parameter(
        50.0, "Learning rate of inhibition, as multiple of that of weights.", low=0.0
    )
    rate_low: float = parameter(0.2, "Lowest target rate of a feature neuron.", low=0.01, high=1.0)
    rate_high: float = parameter(
        0.9, "Highest target rate of a feature neuron.", low=0.01, high=1.0
    )


PUBLISHED = TemporalConfig(features=2.0, reliability=0.0, read_out="delta", module_places=500)
"""As VPRTempo's program has it."""
