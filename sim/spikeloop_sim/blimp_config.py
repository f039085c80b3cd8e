"""Parameters of the simulated blimp."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class BlimpConfig:
    """An indoor blimp of 0.6 kg with three slow thrusters.

    The buoyancy offset is drawn for each seed and told to nobody: a magnitude between the two
    bounds, and its sign.
    """

    start_altitude: float = parameter(
        1.0, "Height of base_link at the start.", unit="m", low=0.12, high=10.0
    )
    offset_low: float = parameter(
        0.2, "Least buoyancy offset, as a fraction of the largest upward thrust.", low=0.0, high=0.6
    )
    offset_high: float = parameter(
        0.3, "Greatest buoyancy offset, as offset_low.", low=0.0, high=0.6
    )
    offset_sign: str = parameter(
        "either",
        "Whether the blimp is lighter than air, heavier, or one of both as the seed has it.",
        choices=("either", "light", "heavy"),
    )
    thrust_up: float = parameter(
        0.60, "Thrust of the vertical thruster at command 1.", unit="N", low=0.01, high=10.0
    )
    thrust_down: float = parameter(
        0.45, "Thrust of the vertical thruster at command -1.", unit="N", low=0.01, high=10.0
    )
    thrust_forward: float = parameter(
        0.15, "Thrust of a horizontal thruster at command 1.", unit="N", low=0.01, high=10.0
    )
    thrust_backward: float = parameter(
        0.10, "Thrust of a horizontal thruster at command -1.", unit="N", low=0.01, high=10.0
    )
    lag_rising: float = parameter(
        0.3, "Time constant of a thruster whose thrust rises.", unit="s", low=0.01, high=5.0
    )
    lag_falling: float = parameter(
        0.5, "Time constant of a thruster whose thrust falls.", unit="s", low=0.01, high=5.0
    )
    wind: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0), "Steady wind x, y, z in the world frame.", unit="m/s", low=-3.0, high=3.0
    )
    gust: tuple[float, ...] = parameter(
        (0.2, 0.2, 0.10), "Standard deviation of the gusts x, y, z.", unit="m/s", low=0.0, high=3.0
    )
    gust_time_constant: float = parameter(
        2.0, "Correlation time of the gusts.", unit="s", low=0.05, high=60.0
    )
    altimeter_noise: float = parameter(
        0.01, "Standard deviation of an altimeter sample.", unit="m", low=0.0, high=1.0
    )
    altimeter_resolution: float = parameter(
        0.001, "Altimeter samples are multiples of this.", unit="m", low=1e-4, high=1.0
    )
    altimeter_min: float = parameter(
        0.1, "Nearest distance that the altimeter sees.", unit="m", low=0.0, high=1.0
    )
    altimeter_max: float = parameter(
        12.0, "Farthest distance that the altimeter sees.", unit="m", low=1.0, high=100.0
    )
    gyro_noise: float = parameter(
        0.003, "Standard deviation of a gyroscope sample.", unit="rad/s", low=0.0, high=1.0
    )
    gyro_bias: float = parameter(
        0.005, "Standard deviation of the gyroscope's bias.", unit="rad/s", low=0.0, high=1.0
    )
    accel_noise: float = parameter(
        0.03, "Standard deviation of an accelerometer sample.", unit="m/s^2", low=0.0, high=5.0
    )
    accel_bias: float = parameter(
        0.05, "Standard deviation of the accelerometer's bias.", unit="m/s^2", low=0.0, high=5.0
    )

    def __post_init__(self) -> None:
        """Refuse bounds in the wrong order and vectors of the wrong length."""
        if self.offset_low > self.offset_high:
            raise ValueError(
                f"offset_low ({self.offset_low:g}) is above offset_high ({self.offset_high:g})"
            )
        for name, vector in (("wind", self.wind), ("gust", self.gust)):
            if len(vector) != 3:
                raise ValueError(f"{name} needs 3 values (x, y, z), not {len(vector)}")
        if min(self.gust) < 0.0:
            raise ValueError(f"gust must not be negative: {self.gust}")
