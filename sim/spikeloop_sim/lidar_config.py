"""Parameters of the simulated LiDAR."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class LidarConfig:
    """A pulsed LiDAR; the defaults are near an Ouster OS0 with 16 of its rows."""

    kind: str = parameter(
        "spinning",
        "Pattern: rows that turn, a rosette of two prisms, or a raster of lines.",
        choices=("spinning", "rosette", "raster"),
    )
    rows: int = parameter(16, "Rows of a spinning or raster pattern.", low=1, high=256)
    columns: int = parameter(512, "Pulses of a row in a scan.", low=8, high=8192)
    rate: float = parameter(10.0, "Scans a second.", unit="Hz", low=0.5, high=100.0)
    up_deg: float = parameter(15.0, "Highest row.", unit="deg", low=-90.0, high=90.0)
    down_deg: float = parameter(-15.0, "Lowest row.", unit="deg", low=-90.0, high=90.0)
    width_deg: float = parameter(
        70.0, "Width of a raster, or of a rosette's circle.", unit="deg", low=1.0, high=170.0
    )
    least_range: float = parameter(0.3, "Nearest range.", unit="m", low=0.0, high=10.0)
    most_range: float = parameter(75.0, "Farthest range.", unit="m", low=1.0, high=400.0)
    range_noise: float = parameter(
        0.0036, "Standard deviation of a near return's range.", unit="m", low=0.0, high=0.5
    )
    range_noise_per_m: float = parameter(
        0.0018,
        "What is added to it, squared, for each metre of range: the beam widens, and what it meets "
        "is neither flat nor square to it.",
        unit="m/m",
        low=0.0,
        high=0.1,
    )
    range_step: float = parameter(
        0.001, "Ranges are multiples of this; 0: any.", unit="m", low=0.0, high=0.1
    )
    sure_range: float = parameter(
        15.0,
        "Range at which 90 % of the pulses on a surface of 10 % reflectance come back.",
        unit="m",
        low=0.5,
        high=400.0,
    )
    signal_spread: float = parameter(
        0.5, "Standard deviation of the logarithm of a return's signal.", low=0.01, high=3.0
    )
    dropout: float = parameter(
        0.008, "Part of the returns that are lost whatever they hit.", low=0.0, high=0.5
    )
    mirror_deg: float = parameter(
        80.0,
        "Incidence from which smooth surfaces throw light away from the sensor.",
        unit="deg",
        low=10.0,
        high=90.0,
    )
    visibility: float = parameter(
        0.0, "Distance at which fog leaves 5 % of a contrast; 0: clear.", unit="m", low=0.0
    )
    rain: float = parameter(0.0, "Rain.", unit="mm/h", low=0.0, high=200.0)

    def __post_init__(self) -> None:
        """Refuse ends in the wrong order."""
        if self.up_deg < self.down_deg:
            raise ValueError(f"up_deg ({self.up_deg:g}) is below down_deg ({self.down_deg:g})")
        if self.least_range >= self.most_range:
            raise ValueError(
                f"least_range ({self.least_range:g}) isn't below most_range ({self.most_range:g})"
            )
