"""Parameters of the PID controller."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter

GAINS = ("kp", "ki", "kd", "derivative_filter")
"""What is tuned of a PID; the rest is given by its plant."""


@dataclass(frozen=True)
class PidConfig:
    """Gains for an error in m and a command that is normalised to the actuator's range.

    The defaults are tuned for the simulated blimp: `weights/pid_blimp.json` says how and how well.
    """

    kp: float = parameter(1.345, "Proportional gain.", unit="1/m", low=0.0, high=1000.0)
    ki: float = parameter(0.05973, "Integral gain.", unit="1/(m s)", low=0.0, high=1000.0)
    kd: float = parameter(2.164, "Derivative gain.", unit="s/m", low=0.0, high=1000.0)
    derivative_filter: float = parameter(
        0.3954, "Time constant of the filter on the derivative.", unit="s", low=0.0, high=60.0
    )
    output_low: float = parameter(-1.0, "Least command.", low=-1000.0, high=1000.0)
    output_high: float = parameter(1.0, "Greatest command.", low=-1000.0, high=1000.0)
    period: float = parameter(0.1, "Time between two commands.", unit="s", low=1e-4, high=60.0)

    def __post_init__(self) -> None:
        """Refuse limits in the wrong order."""
        if self.output_low >= self.output_high:
            raise ValueError(
                f"output_low ({self.output_low:g}) must be below output_high ({self.output_high:g})"
            )
