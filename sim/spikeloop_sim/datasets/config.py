"""Parameters of a recording: the rig, how it is carried, and how often truth is taken."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter

US = 1_000_000
CARRIERS = ("rover", "handheld", "flyer", "car")


@dataclass(frozen=True)
class RecordConfig:
    """A rig of event cameras, frame cameras, IMU and LiDAR, carried along a smooth path."""

    carrier: str = parameter("rover", "what carries the rig", choices=CARRIERS)
    speed: float = parameter(
        0.0, "mean speed along the path; 0: the carrier's own", unit="m/s", low=0.0, high=60.0
    )
    width: int = parameter(346, "columns of the cameras", unit="px", low=16, high=1280)
    height: int = parameter(260, "rows of the cameras", unit="px", low=16, high=960)
    field_deg: float = parameter(
        82.0, "what the cameras see from left to right", unit="degrees", low=10.0, high=150.0
    )
    stereo: bool = parameter(True, "whether there is a right camera of each kind")
    baseline: float = parameter(0.12, "from left to right camera", unit="m", low=0.005, high=2.0)
    rate: int = parameter(
        10, "packets of events a second, each with the truth at its end", unit="Hz", low=1, high=200
    )
    frames: bool = parameter(True, "whether there are frame cameras")
    frame_rate: int = parameter(20, "frames a second", unit="Hz", low=1, high=100)
    imu_rate: int = parameter(200, "IMU samples a second", unit="Hz", low=10, high=1000)
    lidar: bool = parameter(True, "whether there is a LiDAR, in worlds that it sees")
    lidar_rate: int = parameter(10, "turns of the LiDAR a second", unit="Hz", low=1, high=20)
    segment: int = parameter(
        5, "packets in a part of the recording; an interrupted one goes on behind the last part",
        low=1, high=1000,
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse rates that don't divide a second into whole microseconds."""
        for name in ("rate", "frame_rate", "imu_rate", "lidar_rate"):
            value = getattr(self, name)
            if US % value:
                raise ValueError(f"parameter '{name}' must divide 1,000,000, and {value} doesn't")

    @property
    def period_us(self) -> int:
        """Between two packets, us."""
        return US // self.rate

    @property
    def segment_us(self) -> int:
        """Length of a part, us."""
        return self.segment * self.period_us
