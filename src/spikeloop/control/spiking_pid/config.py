"""Parameters of the spiking controller."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class SpikingPidConfig:
    """Which networks fly, and the limits of their command."""

    weights: str = parameter(
        "spiking_pid_blimp",
        "Evolved networks, by the name of a file in weights/ or by the path of an .npz.",
        fixed=True,
    )
    without: str = parameter(
        "nothing",
        "Part that is taken out, to see what it is for.",
        choices=("nothing", "i_network", "threshold_adaptation"),
        fixed=True,
    )
    output_low: float = parameter(-1.0, "Least command.", low=-1000.0, high=1000.0)
    output_high: float = parameter(1.0, "Greatest command.", low=-1000.0, high=1000.0)
    period: float = parameter(
        0.1,
        "Time between two commands; the networks were evolved for this one.",
        unit="s",
        low=1e-4,
        high=60.0,
    )

    def __post_init__(self) -> None:
        """Refuse limits in the wrong order."""
        if self.output_low >= self.output_high:
            raise ValueError(
                f"output_low ({self.output_low:g}) must be below output_high ({self.output_high:g})"
            )
