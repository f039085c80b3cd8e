"""Parameters of the reflex on flow."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class FlowReflexConfig:
    """The camera's lens, the neurons, and what their spikes do."""

    focal: float = parameter(
        0.0,
        "Focal length in parts of the picture's width; 0 takes it from `field`.",
        low=0.0,
        high=20.0,
    )
    field: float = parameter(
        1.396, "Horizontal field of the camera.", unit="rad", low=0.2, high=2.9
    )
    speed: float = parameter(0.5, "Cruising speed.", unit="m/s", low=0.02, high=5.0)
    turn_rate: float = parameter(1.2, "Largest turn rate.", unit="rad/s", low=0.05, high=8.0)
    gain: float = parameter(
        600.0, "Charge of a band's neuron in a second, over its expansion in 1/s.", low=0.0
    )
    turn_gain: float = parameter(
        0.012, "Turn rate over the difference of the turning neurons' rates.", unit="rad", low=0.0
    )
    stop_gain: float = parameter(
        0.004, "Part of the speed over the stopping neuron's rate.", unit="s", low=0.0
    )
    tau: float = parameter(0.06, "Of the membranes.", unit="s", low=1e-3, high=10.0)
    trace_tau: float = parameter(
        0.1, "Of the traces of motor neurons.", unit="s", low=1e-3, high=10.0
    )
    rows: float = parameter(
        0.5,
        "Part of the picture from its top that counts: the ground is none of it.",
        low=0.05,
        high=1.0,
    )
    fading: float = parameter(
        0.93, "What is left of earlier flow at the next.", low=0.0, high=0.999
    )
    bands: int = parameter(16, "Columns that have a neuron each.", low=4, high=128, fixed=True)

    def __post_init__(self) -> None:
        """Refuse an odd number of bands."""
        if self.bands % 2:
            raise ValueError(f"bands ({self.bands}) must be even: half of them are on each side")
