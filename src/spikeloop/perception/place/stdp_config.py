"""Parameters of the place network that learns by STDP."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class StdpConfig:
    """Population, clock and training; constants of the neurons stand beside their equations."""

    neurons: int = parameter(400, "Excitatory neurons of a module.", low=2, high=4000)
    module_places: int = parameter(25, "Most places of one module.", low=1)
    epochs: int = parameter(3, "Times that a module sees its places.", low=1)
    dt_ms: float = parameter(
        0.25, "Step of the clock; divides 10 ms.", unit="ms", low=0.05, high=1.0
    )
    stimulus_ms: float = parameter(350.0, "Time for which a picture is shown.", unit="ms", low=1.0)
    rest_ms: float = parameter(150.0, "Pause after it.", unit="ms", low=0.0)
    rate_hz: float = parameter(63.75, "Rate of the brightest pixel.", unit="Hz", low=1.0)
    hyperactive: float = parameter(
        0.0,
        "Part of all references from which on a neuron that answers to them is silenced; 0: none.",
        low=0.0,
        high=1.0,
    )

    def __post_init__(self) -> None:
        """Refuse a step that delays can't be counted in."""
        if abs(10.0 / self.dt_ms - round(10.0 / self.dt_ms)) > 1e-9:
            raise ValueError(f"dt_ms must divide 10 ms, not {self.dt_ms:g}")
